// Floats to the number formats of weight files, as bytes: the opposite of convert.ts. Rounds to nearest, ties to
// even; NaN stays NaN. A number too large for a format becomes infinity, or NaN in e4m3, as in PyTorch.
import { floatsToHalves } from './convert.ts';
import { float8e4m3ToFloat, float8e5m2ToFloat } from './numbers.ts';

type Encoder = (values: Float32Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
const bytesOf = (array: Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const encoders: Readonly<Record<string, Encoder>> = {
  F64: (values) => bytesOf(Float64Array.from(values)),
  F32: bytesOf,
  F16: (values) => bytesOf(floatsToHalves(values)),
  BF16: (values) => bytesOf(floatsToBfloats(values)),
  F8_E4M3: (values) => float8s(values, E4M3),
  F8_E5M2: (values) => float8s(values, E5M2),
};

/** The element types that {@link floatsToBytes} writes, by their names in safetensors files. */
export const encodableTypes: readonly string[] = Object.keys(encoders);

/** Floats as raw little-endian bytes of a type. F32 shares the memory of `values`. @throws if the type is unknown. */
export function floatsToBytes(values: Float32Array<ArrayBuffer>, type: string): Uint8Array<ArrayBuffer> {
  const encode = Object.hasOwn(encoders, type) ? encoders[type] : undefined;
  if (encode) return encode(values);
  throw new Error(`convert: cannot write element type ${type}; expected one of ${encodableTypes.join(', ')}`);
}

function floatsToBfloats(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40; // NaN
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

/** An 8-bit float: its finite non-negative values in rising order, indexed by code, and the code of larger numbers. */
interface Float8 {
  readonly values: Float32Array;
  readonly beyond: number;
  readonly nan: number;
}
const E4M3: Float8 = {
  values: Float32Array.from({ length: 127 }, (_, i) => float8e4m3ToFloat(i)),
  beyond: 0x7f,
  nan: 0x7f,
};
const E5M2: Float8 = {
  values: Float32Array.from({ length: 124 }, (_, i) => float8e5m2ToFloat(i)),
  beyond: 0x7c,
  nan: 0x7f,
};

function float8s(from: Float32Array, { values, beyond, nan }: Float8): Uint8Array<ArrayBuffer> {
  const last = values.length - 1;
  const most = values[last]! + (values[last]! - values[last - 1]!) / 2; // larger numbers would be nearer to the next value, if there were one
  return Uint8Array.from(from, (value) => {
    const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0;
    const size = Math.abs(value);
    if (Number.isNaN(size)) return nan;
    if (size > most || (size === most && last % 2 === 1)) return sign | beyond;
    let [low, high] = [0, last];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (values[middle]! <= size) low = middle;
      else high = middle - 1;
    }
    if (low === last) return sign | last;
    const [below, above] = [size - values[low]!, values[low + 1]! - size];
    return sign | (below < above || (below === above && low % 2 === 0) ? low : low + 1);
  });
}
