// Quantises a checkpoint on disk: the linear layers' weights of its transformer and text encoders, each shard into one
// of the same name, which becomes smaller; all else is copied. Written under another name and renamed at the end.
// The format: quantize.ts of @moviegen/kernels.

import { mkdir, readFile, stat, writeFile as writeWhole } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLinearWeight as isDitLinear } from '@moviegen/dit';
import { QUANT_BLOCK, type QuantFormat } from '@moviegen/kernels';
import { ShardedSafetensors, type TensorSource } from '@moviegen/safetensors';
import { openFolder, writeFile } from '@moviegen/safetensors/node';
import { isLinearWeight as isTextLinear } from '@moviegen/text';
import { InputError } from '../errors.ts';
import { type ModelIndex, parseModelIndex } from '../families/movieGen/modelIndex.ts';
import { checkNewFolder, copyFiles, filesBelow, LIST, relist, writeFolder } from './checkpointFolder.ts';
import { checkPlain, type QuantizedFile, quantizedFile } from './quantizeFile.ts';

/** What can be quantised: the TAE is made of convolutions, which stay as they are. */
export const QUANTIZED_MODULES = ['dit', 'text'] as const;
/** See {@link QUANTIZED_MODULES}. */
export type QuantizedModule = (typeof QUANTIZED_MODULES)[number];

/** Options of {@link quantizeCheckpoint}. */
export interface QuantizeOptions {
  readonly format: QuantFormat;
  /** Default: all. */
  readonly modules?: readonly QuantizedModule[] | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
}

/** What became of a checkpoint's weights. */
export interface QuantizeSummary {
  /** Weights quantised, and those of these models left as they were: tables, norms, biases, odd shapes. */
  readonly quantized: number;
  readonly plain: number;
  /** Bytes of these models' tensors before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** A file to write. */
interface Job extends QuantizedFile {
  readonly path: string;
}

const BASES = ['model', 'diffusion_pytorch_model'];

/**
 * Writes a checkpoint's quantised copy, piece by piece.
 * @param input a folder with a `model_index.json`.
 * @param output a folder that does not exist or is empty.
 * @throws InputError, CheckpointError, SafetensorsError: one line, and nothing is left; the signal's reason.
 */
export async function quantizeCheckpoint(
  input: string,
  output: string,
  { format, modules = QUANTIZED_MODULES, onProgress, signal }: QuantizeOptions,
): Promise<QuantizeSummary> {
  const index = await indexOf(input);
  await checkNewFolder('quantize', output);
  const opened: TensorSource[] = [];
  try {
    const jobs: Job[] = [];
    const indexes = new Map<string, Record<string, string>>();
    const summary = { quantized: 0, plain: 0, bytesBefore: 0, bytesAfter: 0 };
    for (const [folder, isLinear] of foldersOf(index, modules)) {
      const base = await baseIn(join(input, folder));
      const source = await openFolder(join(input, folder), { bases: [base] });
      opened.push(source);
      checkPlain(join(input, folder), source);
      const shards = source instanceof ShardedSafetensors ? [...source.shards] : undefined;
      const map: Record<string, string> = {};
      for (const [name, part] of shards ?? [[`${base}.safetensors`, source] as const]) {
        const file = quantizedFile(part, isLinear, format, signal);
        jobs.push({ path: join(folder, name), ...file });
        for (const [tensor] of file.tensors) map[tensor] = name;
        summary.quantized += file.quantized;
        summary.plain += part.names().length - file.quantized;
        summary.bytesBefore += part.names().reduce((sum, tensor) => sum + part.byteLength(tensor), 0);
        summary.bytesAfter += file.bytes;
      }
      if (shards) indexes.set(join(folder, `${base}.safetensors.index.json`), map);
    }
    if (summary.quantized === 0)
      throw new InputError(
        `quantize: no weight of ${modules.join(', ')} in ${input} is a matrix of whole blocks of ${QUANT_BLOCK}`,
      );
    const written = new Set([...jobs.map(({ path }) => path), ...indexes.keys()]);
    const others = (await filesBelow(input)).filter((path) => !written.has(path));
    await writeFolder('quantize', output, async (folder) => {
      await copyFiles(input, folder, others, signal);
      let done = 0;
      for (const { path, tensors, metadata, bytes } of jobs) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), tensors, { metadata, ...(signal && { signal }) });
        done += bytes;
        onProgress?.({ bytes: done, totalBytes: summary.bytesAfter });
      }
      for (const [path, map] of indexes) {
        const shards = jobs.filter((job) => dirname(job.path) === dirname(path));
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

async function indexOf(input: string): Promise<ModelIndex> {
  const path = join(input, 'model_index.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new InputError(`quantize: there is no ${path}: give a checkpoint's folder on this machine`);
  try {
    return parseModelIndex(JSON.parse(text), path);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new InputError(`quantize: ${path} is no JSON: ${cause.message}`, { cause });
  }
}

type IsLinear = (name: string) => boolean;

function foldersOf(
  { transformer, textEncoders }: ModelIndex,
  modules: readonly QuantizedModule[],
): [folder: string, isLinear: IsLinear][] {
  const text = modules.includes('text') ? Object.values(textEncoders) : [];
  const dit: [string, IsLinear][] = modules.includes('dit') ? [[transformer, isDitLinear]] : [];
  return [...dit, ...text.map((folder): [string, IsLinear] => [folder, isTextLinear])];
}

/** The name of a folder's weights, as `openFolder` looks for them. */
async function baseIn(folder: string): Promise<string> {
  for (const base of BASES)
    for (const name of [`${base}.safetensors`, `${base}.safetensors.index.json`])
      if (await stat(join(folder, name)).catch(() => undefined)) return base;
  return BASES[0]!; // openFolder says what is missing
}

/** The index of the shards: as it was, but for the tensors' names and their size. */
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
