// Quantised weights, on the CPU: what the formats are, and both directions. Pure functions over arrays. On the device
// the kernels of linear and swiglu read these weights, after packQuantized.ts has laid them out.
//
// A weight [out, in] is cut along `in` into blocks of 32 numbers that share a scale s, an IEEE half:
//   q8   w = s c,        c = -127 ... 127,  s = max|w| / 127
//   q4   w = s (c - 8),  c = 0 ... 15,      s = m / -8, where m is the number of largest magnitude, so that m is
//        represented exactly (the negative one, if two are equally large): 12% less error than s = max|w| / 7
// The scale is rounded to a half first. Then the codes are w / s rounded to nearest, ties to even, and clamped.
//
// In a safetensors file the weight NAME is two tensors, which any reader of the format can multiply:
//   NAME.q8      I8  [out, in]         one code per element
//   NAME.q4      U8  [out, in / 2]     two codes per element; the code of the even place is in the low four bits
//   NAME.scale   F16 [out, in / 32]
// The metadata `moviegen.quantization` says `q8` or `q4`; readers go by the names of the tensors.
import type { QuantFormat } from '../kernel.ts';
import { halvesToFloats } from './convert.ts';
import { floatToHalf, halfToFloat } from './numbers.ts';

/** Numbers that share a scale. */
export const QUANT_BLOCK = 32;

/** Consecutive blocks: the codes as bytes (q4: two per byte), and the bits of one half per block. */
export interface Quantized {
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly scales: Uint16Array<ArrayBuffer>;
}

/** Whether a type is a format of quantised weights. */
export const isQuantFormat = (type: string): type is QuantFormat => type === 'q8' || type === 'q4';

/** Whether a weight of this shape can be quantised: [out, in], with `in` a multiple of 32 and `out` a multiple of 4. */
export const canQuantize = (shape: readonly number[]): boolean =>
  shape.length === 2 && shape[0]! % 4 === 0 && shape[1]! % QUANT_BLOCK === 0;

/** How many bytes the codes of `size` numbers take. */
export const codeBytes = (size: number, format: QuantFormat): number => (format === 'q8' ? size : size / 2);

const ROUND = 1.5 * 2 ** 23; // a single this large has no fraction: adding it rounds, ties to even
const nearest = (value: number): number => Math.fround(Math.fround(value) + ROUND) - ROUND;
const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/**
 * The codes and scales of numbers, block by block.
 * @throws if they are not a whole number of blocks, or a block holds infinities, NaN or numbers too large for a scale.
 */
export function quantize(values: ArrayLike<number>, format: QuantFormat): Quantized {
  const size = values.length;
  if (size % QUANT_BLOCK !== 0)
    throw new Error(`quantize: ${size} numbers are not a whole number of blocks of ${QUANT_BLOCK}`);
  const codes = new Uint8Array(codeBytes(size, format));
  const scales = new Uint16Array(size / QUANT_BLOCK);
  for (let block = 0; block < scales.length; block++) {
    const first = block * QUANT_BLOCK;
    let [low, high] = [0, 0];
    let finite = true;
    for (let i = first; i < first + QUANT_BLOCK; i++) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
      if (!Number.isFinite(value)) finite = false;
    }
    const wanted = format === 'q8' ? Math.max(high, -low) / 127 : (high > -low ? high : low) / -8;
    const bits = floatToHalf(Math.fround(wanted));
    const scale = halfToFloat(bits);
    if (!finite || !Number.isFinite(scale))
      throw new Error(`quantize: the 32 numbers from ${first} on hold ${low} to ${high}, beyond ${format}`);
    scales[block] = scale === 0 ? 0 : bits;
    if (format === 'q8') eights(values, first, scale, codes);
    else fours(values, first, scale, codes);
  }
  return { codes, scales };
}

function eights(values: ArrayLike<number>, first: number, scale: number, codes: Uint8Array): void {
  if (scale === 0) return;
  for (let i = first; i < first + QUANT_BLOCK; i++) codes[i] = clamp(nearest(values[i]! / scale), -127, 127);
}

function fours(values: ArrayLike<number>, first: number, scale: number, codes: Uint8Array): void {
  const code = (i: number) => (scale === 0 ? 8 : clamp(nearest(values[i]! / scale), -8, 7) + 8);
  for (let i = first; i < first + QUANT_BLOCK; i += 2) codes[i / 2] = code(i) | (code(i + 1) << 4);
}

/** The numbers that the codes and scales represent, as f32. */
export function dequantize({ codes, scales }: Quantized, format: QuantFormat): Float32Array<ArrayBuffer> {
  const out = new Float32Array(scales.length * QUANT_BLOCK);
  const factors = halvesToFloats(scales);
  for (let i = 0; i < out.length; i++) {
    const byte = codes[format === 'q8' ? i : i >> 1]!;
    const code = format === 'q8' ? (byte << 24) >> 24 : ((i % 2 ? byte >> 4 : byte) & 15) - 8;
    out[i] = code * factors[Math.floor(i / QUANT_BLOCK)]!;
  }
  return out;
}

/** The codes, then the scales: the bytes of a tensor of type `q8` or `q4`. */
export function quantizedBytes({ codes, scales }: Quantized): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(codes.length + scales.byteLength);
  bytes.set(codes);
  bytes.set(new Uint8Array(scales.buffer), codes.length);
  return bytes;
}

/** Splits such bytes into codes and scales again: the opposite of {@link quantizedBytes}. */
export function quantizedParts(bytes: Uint8Array, format: QuantFormat): Quantized {
  const codes = (bytes.length * (format === 'q8' ? 16 : 8)) / (format === 'q8' ? 17 : 9);
  return {
    codes: Uint8Array.from(bytes.subarray(0, codes)),
    scales: new Uint16Array(Uint8Array.from(bytes.subarray(codes)).buffer),
  };
}
