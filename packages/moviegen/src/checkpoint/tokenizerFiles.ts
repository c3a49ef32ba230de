// The files of a tokenizer, where checkpoints have them: in the encoder's folder or in one of its own beside it, as one
// `tokenizer.json` or as CLIP's `vocab.json` and `merges.txt`.

import { clipTokenizerJson } from '@moviegen/text';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { addressOf, pathOf, readFile, readJson } from './files.ts';

/** A tokenizer's files, parsed, where there are any. */
export interface TokenizerFiles {
  /** `tokenizer.json`, or what stands for it. */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json`. */
  readonly tokenizerConfig: unknown;
}

/** Reads the tokenizer of an encoder's folder: the files in it; of `text_encoder_2` else those in `tokenizer_2`. */
export async function readTokenizer(
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
): Promise<TokenizerFiles> {
  const own = await tokenizerIn(files, folder, signal);
  const sibling = folder.replace(/^text_encoder/, 'tokenizer');
  if (own.tokenizer !== undefined || sibling === folder) return own;
  const other = await tokenizerIn(files, sibling, signal);
  return other.tokenizer === undefined && own.tokenizerConfig !== undefined ? own : other;
}

async function tokenizerIn(
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
): Promise<TokenizerFiles> {
  const tokenizerConfig = await readJson(files, folder, 'tokenizer_config.json', signal);
  const tokenizer = await readJson(files, folder, 'tokenizer.json', signal);
  if (tokenizer !== undefined) return { tokenizer, tokenizerConfig };
  const vocabulary = await readJson(files, folder, 'vocab.json', signal);
  if (vocabulary === undefined) return { tokenizer, tokenizerConfig };
  const merges = await readFile(files, folder, 'merges.txt', signal);
  if (merges === undefined)
    throw new CheckpointError(
      `checkpoint: ${pathOf(files, folder, 'merges.txt')} is missing beside vocab.json`,
    );
  const text = new TextDecoder().decode(merges);
  return { tokenizer: clipTokenizerJson(vocabulary, text, tokenizerConfig), tokenizerConfig };
}

/** The place of the tokenizer beside a source whose last folder is `text_encoder`; undefined of any other. */
export function tokenizerBeside(source: string | URL | CheckpointFiles): string | URL | undefined {
  if (typeof source === 'object' && !(source instanceof URL)) return undefined;
  const url = addressOf(source);
  const path = url?.pathname ?? String(source);
  const beside = path.replace(/(^|[/\\])text_encoder([^/\\]*)[/\\]*$/, '$1tokenizer$2');
  if (beside === path) return undefined;
  if (url) url.pathname = beside;
  return url ?? beside;
}
