// One model's folder, by the names that its own library gives files: `config.json`, the weights, a tokenizer. A checkpoint of
// several models is opened by models.ts.

import { openCheckpoint, SafetensorsError, type TensorSource } from '@moviegen/safetensors';
import { ConfigError, WeightsError } from '@moviegen/tensor';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { verified } from './checksums.ts';
import { type FilesOptions, missing, openFiles, pathOf, readJson } from './files.ts';
import { plainNames } from './plainNames.ts';
import { readTokenizer, type TokenizerFiles, tokenizerBeside } from './tokenizerFiles.ts';

/** A model's files, open. */
export interface Part {
  readonly folder: string;
  readonly path: string;
  readonly config: unknown;
  readonly weights: TensorSource;
}

/** Weights that only PyTorch reads. */
const PICKLES = ['pytorch_model.bin', 'diffusion_pytorch_model.bin', 'pytorch_model.bin.index.json'];

/** Opens a model's config and weights. @throws CheckpointError, SafetensorsError */
export async function openPart(files: CheckpointFiles, folder: string, signal?: AbortSignal): Promise<Part> {
  const config = await readJson(files, folder, 'config.json', signal);
  const path = pathOf(files, folder, '');
  if (config === undefined) throw await missing(files, folder, 'config.json', signal);
  try {
    const weights = await openCheckpoint(files.folder(folder), {
      variant: files.variant,
      ...(signal && { signal }),
    });
    return { folder, path, config, weights: plainNames(weights) };
  } catch (error) {
    if (!(error instanceof SafetensorsError) || error.source !== undefined) throw error;
    for (const name of PICKLES) {
      const pickle = await files.folder(folder)(name, signal);
      if (pickle === undefined) continue;
      await pickle.close();
      const instead = 'load it there and write it with save_pretrained(folder, safe_serialization=True)';
      throw new CheckpointError(
        `checkpoint: ${path}: its weights are in ${name}, which only PyTorch reads: ${instead}`,
      );
    }
    throw new CheckpointError(`checkpoint: ${path}: ${error.message}`, { cause: error });
  }
}

/** One model's files: what `TAE.load`, `T5Encoder.load` and `ClipTextModel.load` are given. */
export interface ModelFiles extends TokenizerFiles {
  /** Its place in messages. */
  readonly path: string;
  /** The parsed `config.json`. */
  readonly config: unknown;
  readonly weights: TensorSource;
  /** Rejects where a file that the folder's `SHA256SUMS` names is another one; all of them must have been read. */
  verify(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the folder of one model, as diffusers and transformers save it.
 *
 * ```ts
 * const files = await openModel('byt5-small');
 * const byt5 = await T5Encoder.load(device, files.weights, parseT5Config(files.config));
 * await files.close();
 * ```
 *
 * @param source a folder (Node), an http(s) address of one, or anything that opens files by name
 * @param options.folder the model's folder below that: `vae`, `text_encoder` ...
 * @param options.tokenizer the folder of its tokenizer. Default: the model's own; of `text_encoder` also `tokenizer` beside it
 * @throws CheckpointError, SafetensorsError; the signal's reason where aborted
 */
export async function openModel(
  source: string | URL | CheckpointFiles,
  options: FilesOptions & {
    readonly folder?: string | undefined;
    readonly tokenizer?: string | URL | CheckpointFiles | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ModelFiles> {
  const { folder = '', signal } = options;
  const given = openFiles(source, options);
  await given.check?.();
  const files = await verified(given, signal);
  const read = (place: string | URL | CheckpointFiles) =>
    readTokenizer(openFiles(place, options), '', signal);
  let found = options.tokenizer ? await read(options.tokenizer) : await readTokenizer(files, folder, signal);
  const beside = folder === '' && found.tokenizer === undefined ? tokenizerBeside(source) : undefined;
  if (beside !== undefined && options.tokenizer === undefined) {
    const other = await read(beside);
    if (other.tokenizer !== undefined || found.tokenizerConfig === undefined) found = other;
  }
  const { path, config, weights } = await openPart(files, folder, signal);
  return {
    ...{ path, config, weights, ...found },
    verify: (stop) => files.verify(stop),
    close: () => weights.close(),
  };
}

/** Bytes of all tensors, as in the files. */
export const bytesOf = (source: TensorSource): number =>
  source.names().reduce((sum, name) => sum + source.byteLength(name), 0);

type Placed = { readonly path: string };

/** Runs a step of loading; what it finds wrong with a model's files is said with their place. */
export async function placed<T>(
  part: Placed | (() => Placed | undefined),
  step: () => T | Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof WeightsError || error instanceof ConfigError)) throw error;
    const { path = 'text encoders' } = (typeof part === 'function' ? part() : part) ?? {};
    throw new CheckpointError(`checkpoint: ${path}: ${error.message}`, { cause: error });
  }
}
