// Number formats of weight files and of f16 tensors, converted on the CPU: pure functions over bytes.
// Bytes are little-endian, as in safetensors and in WebGPU buffers. Every conversion to a narrower
// float rounds to nearest, ties to even; NaN stays NaN and overflow becomes infinity.
import { blocks } from './blocks.ts';
import {
  float8e4m3ToFloat,
  float8e5m2ToFloat,
  floatToHalf,
  halfOfSingleBits,
  halfToFloat,
} from './numbers.ts';

const table = (count: number, f: (bits: number) => number): (() => Float32Array) => {
  let made: Float32Array | undefined;
  return () => {
    made ??= Float32Array.from({ length: count }, (_, bits) => f(bits));
    return made;
  };
};
const halves = table(65536, halfToFloat);
const e4m3 = table(256, float8e4m3ToFloat);
const e5m2 = table(256, float8e5m2ToFloat);

/** The bytes; copied into a new buffer if a typed array over them would be misaligned. */
const aligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice();

type View<A> = new (buffer: ArrayBufferLike, offset: number, length: number) => A;
function view<A>(bytes: Uint8Array, size: number, type: View<A>): A {
  if (bytes.length % size !== 0) {
    throw new Error(`convert: ${bytes.length} bytes are not a whole number of elements of ${size} bytes`);
  }
  const from = aligned(bytes, size);
  return new type(from.buffer, from.byteOffset, from.length / size);
}

type Decoder = (bytes: Uint8Array, out: Float32Array) => void;
const lookUp = (codes: Uint8Array | Uint16Array, values: Float32Array, out: Float32Array): void => {
  for (let i = 0; i < codes.length; i++) out[i] = values[codes[i]!]!;
};
const bfloatsTo = (codes: Uint16Array, out: Float32Array): void => {
  const words = new Uint32Array(out.buffer, out.byteOffset, codes.length);
  // Two at a time, as one word, which halves the number of loads.
  const pairs = codes.byteOffset % 4 === 0 ? codes.length >> 1 : 0;
  const both = new Uint32Array(codes.buffer, codes.byteOffset - (codes.byteOffset % 4), pairs);
  for (let i = 0, j = 0; i < pairs; i++) {
    const pair = both[i]!;
    words[j++] = pair << 16;
    words[j++] = pair & 0xffff0000;
  }
  for (let i = 2 * pairs; i < codes.length; i++) words[i] = codes[i]! << 16;
};
const bigTo = (values: BigUint64Array | BigInt64Array, out: Float32Array): void => {
  for (let i = 0; i < values.length; i++) out[i] = Number(values[i]!);
};

/** Element types of weight files (safetensors names) that {@link bytesToFloats} reads. */
const decoders: Readonly<Record<string, { readonly bytes: number; readonly decode: Decoder }>> = {
  F64: { bytes: 8, decode: (bytes, out) => out.set(view(bytes, 8, Float64Array)) },
  F32: { bytes: 4, decode: (bytes, out) => out.set(view(bytes, 4, Float32Array)) },
  F16: { bytes: 2, decode: (bytes, out) => lookUp(view(bytes, 2, Uint16Array), halves(), out) },
  BF16: { bytes: 2, decode: (bytes, out) => bfloatsTo(view(bytes, 2, Uint16Array), out) },
  F8_E4M3: { bytes: 1, decode: (bytes, out) => lookUp(bytes, e4m3(), out) },
  F8_E5M2: { bytes: 1, decode: (bytes, out) => lookUp(bytes, e5m2(), out) },
  BOOL: { bytes: 1, decode: (bytes, out) => out.set(bytes) },
  U8: { bytes: 1, decode: (bytes, out) => out.set(bytes) },
  I8: { bytes: 1, decode: (bytes, out) => out.set(view(bytes, 1, Int8Array)) },
  U16: { bytes: 2, decode: (bytes, out) => out.set(view(bytes, 2, Uint16Array)) },
  I16: { bytes: 2, decode: (bytes, out) => out.set(view(bytes, 2, Int16Array)) },
  U32: { bytes: 4, decode: (bytes, out) => out.set(view(bytes, 4, Uint32Array)) },
  I32: { bytes: 4, decode: (bytes, out) => out.set(view(bytes, 4, Int32Array)) },
  U64: { bytes: 8, decode: (bytes, out) => bigTo(view(bytes, 8, BigUint64Array), out) },
  I64: { bytes: 8, decode: (bytes, out) => bigTo(view(bytes, 8, BigInt64Array), out) },
};

/** The element types that {@link bytesToFloats} reads, by their names in safetensors files and, for blocks, in ggml's. */
export const convertibleTypes: readonly string[] = [...Object.keys(decoders), ...Object.keys(blocks)];

/**
 * What a type's elements are stored in: bytes of one element, or of a block of several.
 * @throws if the type is unknown.
 */
export function unitOf(type: string): { readonly elements: number; readonly bytes: number } {
  if (Object.hasOwn(blocks, type)) return blocks[type]!;
  if (Object.hasOwn(decoders, type)) return { elements: 1, bytes: decoders[type]!.bytes };
  throw new Error(`convert: unknown element type ${type}; expected one of ${convertibleTypes.join(', ')}`);
}

/**
 * The elements of raw little-endian bytes as f32, in a new array.
 * @param type name of the element type in safetensors: `F16`, `BF16`, `F8_E4M3`, `F64` ..., or of ggml's blocks: `Q8_0` ...
 * @throws if the type is unknown or the bytes are not a whole number of elements or blocks.
 */
export function bytesToFloats(bytes: Uint8Array, type: string): Float32Array<ArrayBuffer> {
  const unit = unitOf(type);
  const count = Math.floor(bytes.length / unit.bytes);
  const out = new Float32Array(count * unit.elements);
  const block = Object.hasOwn(blocks, type) ? blocks[type] : undefined;
  if (block === undefined) {
    decoders[type]!.decode(bytes, out);
    return out;
  }
  if (count * unit.bytes !== bytes.length)
    throw new Error(`convert: ${bytes.length} bytes are not a whole number of blocks of ${unit.bytes} bytes`);
  for (let i = 0; i < count; i++) block.decode(bytes, i * unit.bytes, out, i * unit.elements);
  return out;
}

/** The bits of the halves nearest to `values`. */
export function floatsToHalves(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length);
  if (values instanceof Float32Array) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) out[i] = halfOfSingleBits(bits[i]!);
  } else {
    for (let i = 0; i < values.length; i++) out[i] = floatToHalf(values[i]!);
  }
  return out;
}

/** The values of halves given by their bits. */
export function halvesToFloats(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  lookUp(bits, halves(), out);
  return out;
}
