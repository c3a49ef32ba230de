// Quantises a checkpoint on disk: the weights of the linear layers of its transformer and text encoders. Each shard becomes a
// smaller one of the same name; all other files are copied. The result is written under another name and renamed at the end.
// Not here: the tensors of one file (quantizeFile.ts).

import { mkdir, readFile, writeFile as writeWhole } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { QUANT_BLOCK, type QuantFormat } from '@moviegen/kernels';
import { ShardedSafetensors, type TensorSource } from '@moviegen/safetensors';
import { openFolder, writeFile } from '@moviegen/safetensors/node';
import { plainNames } from '../checkpoint/plainNames.ts';
import type { FilesOptions } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import { familyOfIndex } from '../families/index.ts';
import type { QuantizablePart } from '../generate/family.ts';
import { checkNewFolder, copyFiles, filesBelow, LIST, relist, writeFolder } from './checkpointFolder.ts';
import { hubFolder } from './hub/hubFolder.ts';
import { checkPlain, type QuantizedFile, quantizedFile } from './quantizeFile.ts';

/** The models that can be quantised. The autoencoder is made of convolutions, which stay as they are. */
export const QUANTIZED_MODULES = ['dit', 'text'] as const;
/** A kind of models whose linear layers are quantised. */
export type QuantizedModule = (typeof QUANTIZED_MODULES)[number];

/** Options of {@link quantizeCheckpoint}. */
export interface QuantizeOptions extends Pick<FilesOptions, 'variant' | 'revision' | 'onDownload'> {
  readonly format: QuantFormat;
  /** Which models. Default: all. */
  readonly modules?: readonly QuantizedModule[] | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
}

/** What became of a checkpoint's weights. */
export interface QuantizeSummary {
  /** How many tensors of these models were quantised, and how many stay as they were: tables, norms, biases, odd shapes. */
  readonly quantized: number;
  readonly plain: number;
  /** Bytes of the tensors of these models before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** A file to write, and its path in the checkpoint. */
interface FileToQuantize extends QuantizedFile {
  readonly path: string;
}

/**
 * Writes a checkpoint's quantised copy, piece by piece.
 * @param source a folder with a `model_index.json`: a path, a file: address, a model of the hub's cache, or of the hub.
 * @param output a folder that does not exist or is empty.
 * @throws InputError, CheckpointError or SafetensorsError of one line, or the signal's reason; nothing is left then.
 */
export async function quantizeCheckpoint(
  source: string | URL,
  output: string,
  { format, modules = QUANTIZED_MODULES, variant, revision, onDownload, onProgress, signal }: QuantizeOptions,
): Promise<QuantizeSummary> {
  await checkNewFolder('quantize', output);
  const input = await hubFolder(source, { variant, revision, onDownload, signal });
  const parts = (await partsOf(input)).filter(({ module }) => modules.includes(module));
  const opened: TensorSource[] = [];
  try {
    const results: FileToQuantize[] = [];
    const indexes = new Map<string, Record<string, string>>();
    const summary = { quantized: 0, plain: 0, bytesBefore: 0, bytesAfter: 0 };
    for (const { folder, isLinear } of parts) {
      const source = await openFolder(join(input, folder), { variant });
      opened.push(source);
      checkPlain(join(input, folder), source);
      const shards = source instanceof ShardedSafetensors ? [...source.shards] : undefined;
      const map: Record<string, string> = {};
      for (const [name, part] of shards ?? [[basename(source.label), source] as const]) {
        const file = quantizedFile(plainNames(part), isLinear, format, signal);
        results.push({ path: join(folder, name), ...file });
        for (const [tensor] of file.tensors) map[tensor] = name;
        summary.quantized += file.quantized;
        summary.plain += part.names().length - file.quantized;
        summary.bytesBefore += part.names().reduce((sum, tensor) => sum + part.byteLength(tensor), 0);
        summary.bytesAfter += file.bytes;
      }
      if (shards) indexes.set(join(folder, basename(source.label)), map);
    }
    if (summary.quantized === 0)
      throw new InputError(
        `quantize: no weight of ${modules.join(', ')} in ${input} is a matrix of whole blocks of ${QUANT_BLOCK}`,
      );
    const written = new Set([...results.map(({ path }) => path), ...indexes.keys()]);
    const others = (await filesBelow(input)).filter((path) => !written.has(path));
    await writeFolder('quantize', output, async (folder) => {
      await copyFiles(input, folder, others, signal);
      let done = 0;
      for (const { path, tensors, metadata, bytes } of results) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), tensors, { metadata, ...(signal && { signal }) });
        done += bytes;
        onProgress?.({ bytes: done, totalBytes: summary.bytesAfter });
      }
      for (const [path, map] of indexes) {
        const shards = results.filter((file) => dirname(file.path) === dirname(path));
        const size = shards.reduce((sum, { bytes }) => sum + bytes, 0);
        await writeIndex(join(input, path), join(folder, path), map, size);
      }
      if (others.includes(LIST)) await relist(folder, signal);
      signal?.throwIfAborted();
    });
    return summary;
  } finally {
    for (const source of opened) await source.close();
  }
}

async function partsOf(input: string): Promise<readonly QuantizablePart[]> {
  const path = join(input, 'model_index.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new InputError(`quantize: there is no ${path}: give a checkpoint's folder on this machine`);
  try {
    const index: unknown = JSON.parse(text);
    return familyOfIndex(index).quantizable(index, path);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new InputError(`quantize: ${path} is not JSON: ${cause.message}`, { cause });
  }
}

/** Writes the index of the shards: as it was, except for the names of the tensors and their size. */
async function writeIndex(
  from: string,
  to: string,
  map: Readonly<Record<string, string>>,
  size: number,
): Promise<void> {
  const index = JSON.parse(await readFile(from, 'utf8')) as { readonly metadata?: object };
  const names = Object.keys(map).sort();
  const weight_map = Object.fromEntries(names.map((name) => [name, map[name]]));
  const metadata = { ...index.metadata, total_size: size };
  await writeWhole(to, `${JSON.stringify({ ...index, metadata, weight_map }, null, 2)}\n`);
}
