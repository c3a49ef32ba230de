// The files of a tokenizer, where checkpoints have them: in the encoder's folder or in one of its own beside it, as one
// `tokenizer.json` or as CLIP's `vocab.json` and `merges.txt`.

import { clipTokenizerJson } from '@moviegen/text';
import type { CheckpointFiles, FilesOptions, Place } from '../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../errors.ts';
import { addressOf, missing, openFiles, pathOf, readFile, readJson } from './files.ts';
import { fileOf } from './singleFile.ts';

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

/** Where tokenizers lie that are not beside their encoders: one place, or one per encoder. */
export type TokenizerPlaces = Place | Readonly<Record<string, Place>>;

/**
 * The place of each encoder's tokenizer, where one was given.
 * @param encoders those of the checkpoint that need one
 * @throws InputError where a place is for none of them, or it is not said which it is for
 */
export function tokenizerPlaces(
  given: TokenizerPlaces | undefined,
  encoders: readonly string[],
): Readonly<Record<string, Place>> {
  if (given === undefined) return {};
  if (encoders.length === 0)
    throw new InputError(
      'checkpoint: tokenizer: this checkpoint has no encoder that reads one: leave it out',
    );
  const names = encoders.join(', ');
  if (typeof given === 'string' || given instanceof URL || 'folder' in given) {
    if (encoders.length === 1) return { [encoders[0]!]: given as Place };
    throw new InputError(
      `checkpoint: tokenizer: this checkpoint's encoders with one are ${names}: say which it is for, as ENCODER=FOLDER`,
    );
  }
  for (const name of Object.keys(given))
    if (!encoders.includes(name))
      throw new InputError(
        `checkpoint: tokenizer: there is no encoder ${shown(name)} with one, expected ${names}`,
      );
  return given;
}

/** The error of a text encoder of Wan in a file of its own, beside which no tokenizer lies. */
export const noTokenizer = (): CheckpointError =>
  new CheckpointError(
    'checkpoint: of single files, the tokenizer is not given: tokenizer.json or its folder (tokenizer, --tokenizer), such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers/tokenizer of the hub',
  );

/** What `readTokenizerAt` has read. */
export interface TokenizerAt {
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  /** Where it was, in messages. */
  readonly tokenizerPath: string;
}

/**
 * Reads the tokenizer of an encoder's folder, or of the place where it lies instead: a folder, or its `tokenizer.json` under any
 * name.
 * @throws CheckpointError where it has none
 */
export async function readTokenizerAt(
  files: CheckpointFiles,
  folder: string,
  place: Place | undefined,
  options: FilesOptions = {},
  signal?: AbortSignal,
): Promise<TokenizerAt> {
  const file = place === undefined ? undefined : fileOf(place, isFile);
  if (file && !file.name.endsWith('.json'))
    throw new CheckpointError(
      `checkpoint: ${shown(file.name)} is not a tokenizer.json: take that file of the same model, or its folder (tokenizer, --tokenizer)`,
    );
  // The revision is the checkpoint's.
  const there =
    place === undefined ? files : openFiles(file?.folder ?? place, { ...options, revision: undefined });
  const at = place === undefined ? folder : '';
  const { tokenizer, tokenizerConfig = {} } = file
    ? await tokenizerIn(there, '', signal, file.name)
    : await readTokenizer(there, at, signal);
  const tokenizerPath = pathOf(
    there,
    file ? '' : at.replace(/^text_encoder$/, 'tokenizer'),
    file?.name ?? '',
  );
  if (tokenizer === undefined)
    throw await missing(
      there,
      at.replace(/^text_encoder$/, 'tokenizer'),
      file?.name ?? 'tokenizer.json',
      signal,
    );
  return { tokenizer, tokenizerConfig, tokenizerPath };
}

/** A place that is a file by its name. */
const isFile = (path: string): boolean => /\.(json|model|gguf|safetensors|bin|pth?)$/i.test(path);

async function tokenizerIn(
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
  name = 'tokenizer.json',
): Promise<TokenizerFiles> {
  const tokenizerConfig = await readJson(files, folder, 'tokenizer_config.json', signal);
  const tokenizer = await readJson(files, folder, name, signal);
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
