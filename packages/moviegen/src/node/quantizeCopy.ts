// The quantised copy of a checkpoint's folder on this machine: each shard becomes a smaller one of the same name, all other files are
// copied. Not here: other layouts (quantizeFolder.ts).

import { mkdir, readFile, writeFile as writeWhole } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SafetensorsError, ShardedSafetensors, type TensorSource } from '@moviegen/safetensors';
import { writeFile } from '@moviegen/safetensors/node';
import { readJson } from '../checkpoint/files.ts';
import { isFolderWeights, openFolderFiles } from '../checkpoint/folderWeights.ts';
import { checkPlain } from '../checkpoint/identify.ts';
import { plainNames } from '../checkpoint/plainNames.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { familyOfIndex } from '../families/index.ts';
import { copyFiles, filesBelow, LIST, relist, writeFolder } from './checkpointFolder.ts';
import {
  checkSome,
  counting,
  type QuantizedFile,
  type QuantizeSummary,
  type Quantizing,
  quantizedFile,
} from './quantizeFile.ts';

/** A file to write, and its path in the checkpoint. */
interface FileToQuantize extends QuantizedFile {
  readonly path: string;
}

/**
 * Writes the copy of a folder.
 * @returns undefined, and nothing is written, where it has no `model_index.json` or its weights have the layout of another library
 */
export async function quantizeCopy(
  input: string,
  files: CheckpointFiles,
  output: string,
  { format, modules, onProgress, signal }: Quantizing,
): Promise<QuantizeSummary | undefined> {
  const index = await readJson(files, '', 'model_index.json', signal);
  if (index === undefined) return undefined;
  const parts = familyOfIndex(index)
    .quantizable(index, join(input, 'model_index.json'))
    .filter(({ module }) => modules.includes(module));
  const opened: TensorSource[] = [];
  try {
    const results: FileToQuantize[] = [];
    const indexes = new Map<string, Record<string, string>>();
    const summary = { quantized: 0, plain: 0, bytesBefore: 0, bytesAfter: 0 };
    const onBytes = counting(onProgress, () => summary.bytesAfter);
    for (const { folder, isLinear, isPlain } of parts) {
      const source = await openFolderFiles(files, folder, signal).catch((cause: unknown) => {
        if (!(cause instanceof SafetensorsError) || cause.source !== undefined) throw cause;
        throw new CheckpointError(`checkpoint: ${join(input, folder)}: ${cause.message}`, { cause });
      });
      opened.push(source);
      checkPlain(join(input, folder), source);
      if (isPlain?.(plainNames(source)) === false) return undefined;
      const shards = source instanceof ShardedSafetensors ? [...source.shards] : undefined;
      const map: Record<string, string> = {};
      for (const [name, part] of shards ?? [[basename(source.label), source] as const]) {
        const metadata = part.metadata;
        const file = quantizedFile(plainNames(part), isLinear, format, { metadata, onBytes, signal });
        results.push({ path: join(folder, name), ...file });
        for (const [tensor] of file.tensors) map[tensor] = name;
        summary.quantized += file.quantized;
        summary.plain += part.names().length - file.quantized;
        summary.bytesBefore += part.names().reduce((sum, tensor) => sum + part.byteLength(tensor), 0);
        summary.bytesAfter += file.bytes;
      }
      if (shards) indexes.set(join(folder, basename(source.label)), map);
    }
    checkSome(summary, modules, input);
    // Other files of the same weights, a variant of them, would be loaded in the place of the quantised ones.
    const folders = new Set(parts.map(({ folder }) => folder));
    const isOther = (path: string) => folders.has(dirname(path)) && isFolderWeights(basename(path));
    const written = new Set([...results.map(({ path }) => path), ...indexes.keys()]);
    const others = (await filesBelow(input)).filter((path) => !written.has(path) && !isOther(path));
    await writeFolder('quantize', output, async (folder) => {
      await copyFiles(input, folder, others, signal);
      for (const { path, tensors, metadata } of results) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), tensors, { metadata, ...(signal && { signal }) });
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
