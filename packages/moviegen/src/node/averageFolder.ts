// Averages whole checkpoints on disk: every safetensors file in the layout of the first checkpoint; all its other files are
// copied. The result is written under another name and renamed at the end, so that it is whole or not there.

import { mkdir, readFile, stat, writeFile as writeText } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ShardedSafetensors, type TensorSource, type TensorStream } from '@moviegen/safetensors';
import { fileSource, folder, openFile, openFolder, writeFile } from '@moviegen/safetensors/node';
import { plainName, plainNames } from '../checkpoint/plainNames.ts';
import type { FilesOptions } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import { averageTensors } from './average.ts';
import {
  checkConfigs,
  checkNewFolder,
  copyFiles,
  filesBelow,
  LIST,
  relist,
  writeFolder,
} from './checkpointFolder.ts';
import { hubFolder } from './hub/hubFolder.ts';
import { withOwnParts } from './ownParts.ts';

/** How far averaging is, in bytes written. */
export interface AverageProgress {
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Options of {@link averageCheckpoints}. */
export interface AverageOptions extends Pick<FilesOptions, 'onDownload'> {
  /** The weight of each checkpoint; weights are divided by their sum. Default: all the same. */
  readonly weights?: readonly number[];
  readonly onProgress?: (progress: AverageProgress) => void;
  readonly signal?: AbortSignal;
}

/** One model's weights, in every checkpoint. */
interface WeightSet {
  /** The folder below the checkpoint; '' for the checkpoint itself. */
  readonly folder: string;
  /** The file's name where the weights are in a single file. */
  readonly file: string;
  readonly sources: readonly TensorSource[];
}

/** A file to write, with the means of its tensors. */
interface FileToAverage {
  readonly path: string;
  readonly tensors: readonly (readonly [string, TensorStream])[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly bytes: number;
}

const WEIGHTS = '.safetensors';
/** The end of an index's name, and its variant. */
const INDEX = /\.safetensors\.index(?:\.([\w-]+))?\.json$/;

/**
 * Averages checkpoints: folders of one layout, or safetensors files (sharded files are given by their index).
 * @param sources at least two paths, file: addresses or models of the hub; types, shards and all other files are taken from the first.
 * @param output a folder that does not exist or is empty. For files, it gets a file of the first one's name.
 * @throws InputError or SafetensorsError of one line, or the signal's reason; nothing is left then.
 */
export async function averageCheckpoints(
  sources: readonly (string | URL)[],
  output: string,
  { weights = sources.map(() => 1), onDownload, onProgress, signal }: AverageOptions = {},
): Promise<void> {
  checkShares(sources, weights);
  const inputs: string[] = [];
  for (const source of sources) inputs.push(await hubFolder(source, { onDownload, signal }));
  const folders = await Promise.all(inputs.map(isFolder));
  if (new Set(folders).size > 1)
    throw new InputError(`average: ${inputs.join(', ')}: give folders or files, not some of each`);
  await checkNewFolder('average', output);
  const run = (whole: readonly string[]) =>
    averageTo(output, whole, folders[0]!, weights, { onProgress, signal });
  return folders[0] ? withOwnParts(inputs, run) : run(inputs);
}

async function averageTo(
  output: string,
  inputs: readonly string[],
  areFolders: boolean,
  weights: readonly number[],
  { onProgress, signal }: Pick<AverageOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  const first = inputs[0]!;
  const files = areFolders ? await filesBelow(first) : [];
  const others = files.filter((path) => !path.endsWith(WEIGHTS));
  for (const input of inputs) await checkConfigs(first, input, others);

  const opened: TensorSource[] = [];
  try {
    const sets = areFolders ? setsIn(inputs, files, opened) : setOf(inputs, opened);
    const results: FileToAverage[] = [];
    for await (const set of sets) results.push(...filesOf(set, inputs, weights, signal));
    if (results.length === 0) throw new InputError(`average: ${first} holds no ${WEIGHTS} file`);
    const totalBytes = results.reduce((sum, file) => sum + file.bytes, 0);
    let bytes = 0;
    const tell = (length: number) => {
      bytes += length;
      onProgress?.({ bytes, totalBytes });
    };
    await writeFolder('average', output, async (folder) => {
      await copyFiles(first, folder, others, signal);
      for (const { path, tensors, metadata } of results) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        const told = tensors.map(([name, tensor]) => [name, watched(tensor, tell)] as const);
        await writeFile(join(folder, path), told, { metadata, ...(signal && { signal }) });
      }
      for (const path of others.filter((file) => INDEX.test(file))) await plainIndex(join(folder, path));
      if (others.includes(LIST)) await relist(folder, signal);
      signal?.throwIfAborted();
    });
  } finally {
    for (const source of opened) await source.close();
  }
}

function checkShares(inputs: readonly unknown[], weights: readonly number[]): void {
  if (inputs.length < 2) throw new InputError('average: give at least two checkpoints');
  if (weights.length !== inputs.length)
    throw new InputError(`average: got ${weights.length} weights for ${inputs.length} checkpoints`);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (weights.every(Number.isFinite) && sum !== 0) return;
  throw new InputError(`average: weights must be numbers whose sum is not 0, got ${weights.join(', ')}`);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new InputError(`average: there is no file or folder ${path}`);
  return found.isDirectory();
}

/** The sets of weights in folders. Every source that is opened is also added to `opened`. */
async function* setsIn(
  inputs: readonly string[],
  files: readonly string[],
  opened: TensorSource[],
): AsyncGenerator<WeightSet> {
  const indexes = files.filter((path) => INDEX.test(path));
  const shards = new Set<string>();
  const open = async (base: string, variant?: string): Promise<WeightSet> => {
    const sources: TensorSource[] = [];
    for (const input of inputs) {
      const source = await openFolder(join(input, dirname(base)), { bases: [basename(base)], variant });
      opened.push(source);
      sources.push(source);
    }
    return { folder: dirname(base), file: basename(base) + WEIGHTS, sources };
  };
  for (const path of indexes) {
    const set = await open(path.replace(INDEX, ''), INDEX.exec(path)?.[1]);
    const [{ shards: own } = { shards: new Map() }] = set.sources as readonly ShardedSafetensors[];
    for (const shard of own.keys()) shards.add(join(set.folder, shard));
    yield set;
  }
  for (const path of files)
    if (path.endsWith(WEIGHTS) && !shards.has(path)) yield open(path.slice(0, -WEIGHTS.length));
}

/** The one set that files make up. */
async function* setOf(inputs: readonly string[], opened: TensorSource[]): AsyncGenerator<WeightSet> {
  for (const input of inputs) opened.push(await openWeights(input));
  yield { folder: '', file: basename(inputs[0]!), sources: opened };
}

async function openWeights(path: string): Promise<TensorSource> {
  if (!INDEX.test(path)) return openFile(path);
  return ShardedSafetensors.open((await fileSource(path))!, folder(dirname(path)));
}

/** The files to write the mean of a set to, named as in the first checkpoint. */
function filesOf(
  { folder, file, sources }: WeightSet,
  inputs: readonly string[],
  shares: readonly number[],
  signal: AbortSignal | undefined,
): FileToAverage[] {
  const sets = sources.map((weights, k) => ({
    path: join(inputs[k]!, folder),
    weights: plainNames(weights),
  }));
  const means = averageTensors(sets, shares, signal);
  const first = sources[0]!;
  const parts = first instanceof ShardedSafetensors ? [...first.shards] : [[file, first] as const];
  return parts.map(([name, part]) => {
    const plain = plainNames(part);
    const names = plain.names();
    return {
      path: join(folder, name),
      tensors: names.map((tensor) => [tensor, means.get(tensor)!] as const),
      metadata: part.metadata,
      bytes: names.reduce((sum, tensor) => sum + plain.byteLength(tensor), 0),
    };
  });
}

/** Gives the names in an index of shards as `plainNames` gives them. */
async function plainIndex(path: string): Promise<void> {
  const index = JSON.parse(await readFile(path, 'utf8')) as { weight_map: Record<string, string> };
  const entries = Object.entries(index.weight_map);
  const plain = entries.map(([name, shard]) => [plainName(name), shard] as const);
  if (plain.every(([name], i) => name === entries[i]![0])) return;
  const text = JSON.stringify({ ...index, weight_map: Object.fromEntries(plain) }, null, 2);
  await writeText(path, `${text}\n`);
}

/** A tensor that reports the bytes that have been taken from it. */
function watched(tensor: TensorStream, tell: (bytes: number) => void): TensorStream {
  async function* data() {
    for await (const piece of (tensor.data as () => AsyncIterable<Uint8Array>)()) {
      yield piece;
      tell(piece.length);
    }
  }
  return { ...tensor, data };
}
