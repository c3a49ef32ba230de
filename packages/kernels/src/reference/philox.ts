// Our normal noise on the CPU, also usable as a library: Philox 4x32-10 and Box-Muller in f64, rounded to f32 once.
// It follows the definition in reference/moviegen_reference/philox.py; the GPU kernel is ../generators/randn.ts.

import { type NoiseOptions, noiseKey } from '../generators/noise.ts';
import { sizeOf } from '../shape.ts';
import type { NDArray, Operands, Options } from './ndarray.ts';

/** (high, low) of the 64-bit product of two words. */
function multiply(a: number, b: number): [number, number] {
  const product = BigInt(a) * BigInt(b);
  return [Number(product >> 32n), Number(product & 0xffffffffn)];
}

function block(index: number, key: readonly [number, number], stream: readonly [number, number]): number[] {
  let [c0, c1, c2, c3] = [index % 2 ** 32, Math.floor(index / 2 ** 32), stream[0], stream[1]];
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0);
    const [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) % 2 ** 32;
    k1 = (k1 + 0xbb67ae85) % 2 ** 32;
  }
  return [c0, c1, c2, c3];
}

/** The Philox words behind elements start .. start + count - 1. */
export function philoxWords(count: number, options: NoiseOptions): Uint32Array<ArrayBuffer> {
  const { key, stream, start } = noiseKey(options);
  const out = new Uint32Array(count);
  for (let i = 0; i < count; ) {
    const words = block(Math.floor((start + i) / 4), key, stream);
    for (let member = (start + i) % 4; member < 4 && i < count; member++) out[i++] = words[member]!;
  }
  return out;
}

/** Standard normals start .. start + count - 1. */
export function philoxNormal(count: number, options: NoiseOptions): Float32Array<ArrayBuffer> {
  const { start = 0 } = options;
  const skip = start % 4;
  const words = philoxWords(Math.ceil((skip + count) / 4) * 4, { ...options, start: start - skip });
  const uniform = (word: number): number => (2 * (word >>> 9) + 1) / 2 ** 24;
  const out = new Float32Array(words.length);
  for (let i = 0; i < words.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform(words[i]!)));
    const angle = 2 * Math.PI * uniform(words[i + 1]!);
    out[i] = radius * Math.cos(angle);
    out[i + 1] = radius * Math.sin(angle);
  }
  return out.slice(skip, skip + count);
}

/** Options of the op: shape and noise. */
export function randn(_: Operands, options: Options): NDArray {
  const { shape, ...noise } = options as unknown as NoiseOptions & { shape: readonly number[] };
  const count = sizeOf(shape);
  return { shape, dtype: 'f32', data: philoxNormal(count, noise) };
}
