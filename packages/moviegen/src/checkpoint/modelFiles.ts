// The folder of one model, whose files have the names that its own library gives them: `config.json`, the weights, a
// tokenizer. Not here: where files are (files.ts), a checkpoint of several models (families/movieGen/open.ts).

import { SafetensorsError, type TensorSource } from '@moviegen/safetensors';
import { ConfigError, WeightsError } from '@moviegen/tensor';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { verified } from './checksums.ts';
import { absenceIn, type FilesOptions, missing, openFiles, pathOf, readJson } from './files.ts';
import { holdsWeights, openFolderWeights } from './folderWeights.ts';
import { otherLayout } from './layouts.ts';
import { readTokenizer, type TokenizerFiles, tokenizerBeside } from './tokenizerFiles.ts';

/** The files of one model of a checkpoint, open. */
export interface ModelPart {
  /** Below the checkpoint's root. */
  readonly folder: string;
  /** The folder in messages. */
  readonly path: string;
  /** The parsed `config.json`. */
  readonly config: unknown;
  readonly weights: TensorSource;
}

/** Names of files of weights that only PyTorch reads. */
const PICKLES = ['pytorch_model.bin', 'diffusion_pytorch_model.bin', 'pytorch_model.bin.index.json'];

/**
 * Opens the config and the weights of one model of a checkpoint.
 * @param options.configNeeded `false` where the weights may tell the config: it may be undefined then. Default true
 * @param options.variantNeeded `false` where a model without the variant that was chosen has its plain weights. Default true
 * @throws CheckpointError, SafetensorsError
 */
export async function openPart(
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
  {
    configNeeded = true,
    variantNeeded = true,
  }: { readonly configNeeded?: boolean; readonly variantNeeded?: boolean } = {},
): Promise<ModelPart> {
  const config = await readJson(files, folder, 'config.json', signal);
  const path = pathOf(files, folder, '');
  if (config === undefined && (configNeeded || !(await holdsWeights(files, folder)))) {
    const index = folder === '' ? await readJson(files, '', 'model_index.json', signal) : undefined;
    if (index === undefined) throw await missing(files, folder, 'config.json', signal);
    throw new CheckpointError(
      `checkpoint: ${path} holds a whole pipeline: give the folder of one model in it (model_index.json names them), or the option folder`,
    );
  }
  try {
    const weights = await openFolderWeights(files, folder, signal, { variantNeeded });
    return { folder, path, config, weights };
  } catch (error) {
    if (!(error instanceof SafetensorsError) || error.source !== undefined) throw error;
    for (const name of PICKLES) {
      if (!(await isThere(files, folder, name, signal))) continue;
      const instead = 'load it there and write it with save_pretrained(folder, safe_serialization=True)';
      throw new CheckpointError(
        `checkpoint: ${path}: its weights are in ${name}, which only PyTorch reads: ${instead}`,
      );
    }
    throw new CheckpointError(`checkpoint: ${path}: ${error.message}${absenceIn(files)}`, { cause: error });
  }
}

/** Whether a folder has a file, without opening it where it has a list: opening may be a download. */
async function isThere(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const open = files.folder(folder);
  if (open.list) return (await open.list()).includes(name);
  const file = await open(name, signal);
  await file?.close();
  return file !== undefined;
}

/** The files of a model on its own, open: the input of `TAE.load`, `T5Encoder.load` and `ClipTextModel.load`. */
export interface ModelFiles extends TokenizerFiles {
  /** The folder in messages. */
  readonly path: string;
  /** The parsed `config.json`. */
  readonly config: unknown;
  readonly weights: TensorSource;
  /** Rejects if a file differs from its entry in the folder's `SHA256SUMS`; reads what has not been read. */
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
 * @throws CheckpointError, SafetensorsError; the signal's reason if aborted
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
  await given.check?.(signal);
  const files = await verified(given, signal);
  const read = (place: string | URL | CheckpointFiles, revision?: string) =>
    readTokenizer(openFiles(place, { ...options, revision }), '', signal);
  let found = options.tokenizer ? await read(options.tokenizer) : await readTokenizer(files, folder, signal);
  const beside = folder === '' && found.tokenizer === undefined ? tokenizerBeside(source) : undefined;
  if (beside !== undefined && options.tokenizer === undefined) {
    const other = await read(beside, options.revision);
    if (other.tokenizer !== undefined || found.tokenizerConfig === undefined) found = other;
  }
  const { path, config, weights } = await openPart(files, folder, signal);
  return {
    path,
    config,
    weights,
    ...found,
    verify: (stop) => files.verify(stop),
    close: () => weights.close(),
  };
}

/** Bytes of all tensors in the files. */
export const bytesOf = (source: TensorSource): number =>
  source.names().reduce((sum, name) => sum + source.byteLength(name), 0);

/**
 * Runs a step of loading. Its error about a model's config or weights then says which folder they are in, and whose names the
 * weights have where these are another library's.
 */
export async function placed<T>(
  { path, weights }: { readonly path: string; readonly weights?: { names(): readonly string[] } },
  step: () => T | Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof WeightsError || error instanceof ConfigError)) throw error;
    const other = error instanceof WeightsError && weights ? otherLayout(weights.names()) : undefined;
    const wrong =
      other === undefined
        ? error.message.replace(/^weights: /, 'its weights do not fit its config: ')
        : `its weights have the names of ${other.layout}, like ${other.name}: give the folder that transformers or diffusers writes with save_pretrained`;
    throw new CheckpointError(`checkpoint: ${path}: ${wrong}`, { cause: error });
  }
}
