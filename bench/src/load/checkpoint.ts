// A checkpoint of noise to load: shards, an index and a checksum list.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodableTypes, floatsToBytes, philoxNormal } from '@moviegen/kernels';
import { DTYPE_BITS, type SafetensorsDType } from '@moviegen/safetensors';
import { writeFile as writeTensors } from '@moviegen/safetensors/node';

/** What to make. */
export interface CheckpointSize {
  readonly tensors: number;
  /** Bytes of each. */
  readonly tensorBytes: number;
  readonly dtype: SafetensorsDType;
  readonly shards: number;
}

/** Writes the checkpoint into a folder that is there. */
export async function writeCheckpoint(folder: string, size: CheckpointSize): Promise<void> {
  const { tensors, tensorBytes, dtype, shards } = size;
  const elements = (8 * tensorBytes) / DTYPE_BITS[dtype];
  const noise = noiseOf(dtype);
  async function* data() {
    for (let at = 0; at < tensorBytes; at += noise.length) yield noise.subarray(0, tensorBytes - at);
  }
  const weightMap: Record<string, string> = {};
  const sums: string[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const number = (n: number) => String(n).padStart(5, '0');
    const file = `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
    const names = Array.from({ length: tensors }, (_, i) => `layers.${i}.weight`).filter(
      (_, i) => i % shards === shard,
    );
    for (const name of names) weightMap[name] = file;
    await writeTensors(
      join(folder, file),
      names.map((name) => [name, { dtype, shape: [elements / 64, 64], data }] as const),
    );
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(folder, file))) hash.update(piece);
    sums.push(`${hash.digest('hex')}  ${file}\n`);
  }
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  await writeFile(join(folder, 'SHA256SUMS'), sums.join(''));
}

/** A quarter MiB of numbers as weights have them, about 0 with a deviation of 0.03; of small integers in other types. */
function noiseOf(dtype: SafetensorsDType): Uint8Array {
  const bytes = 2 ** 18;
  if (!encodableTypes.includes(dtype)) return new Uint8Array(bytes).fill(1);
  const normal = philoxNormal((8 * bytes) / DTYPE_BITS[dtype], { seed: 1 });
  return floatsToBytes(
    normal.map((value) => 0.03 * value),
    dtype,
  );
}
