// Number formats of weight files and of f16 tensors, converted on the CPU: pure functions over bytes.
// Bytes are little-endian, as in safetensors and in WebGPU buffers. Every conversion to a narrower
// float rounds to nearest, ties to even; NaN stays NaN and overflow becomes infinity.

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);
const bitsOf = (value: number): number => {
  single[0] = value;
  return word[0]!;
};

/** Value of the IEEE half with these 16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the IEEE half nearest to `value`. */
export function floatToHalf(value: number): number {
  return halfOfSingleBits(bitsOf(value));
}

function halfOfSingleBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: the spacing of singles in [0.5, 1) is that of subnormal halves.
    word[0] = magnitude;
    return sign | (bitsOf(single[0]! + 0.5) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** Value of the bfloat16 with these 16 bits. */
export function bfloat16ToFloat(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}

/** Value of the 8-bit float e4m3fn: bias 7, no infinities, 0x7f and 0xff are NaN. */
export function float8e4m3ToFloat(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** Value of the 8-bit float e5m2: the upper half of an IEEE half. */
export function float8e5m2ToFloat(bits: number): number {
  return halfToFloat(bits << 8);
}

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

/** The bytes from the start of a buffer of their own where a typed array over them would be misaligned. */
const aligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice();

type View<A> = new (buffer: ArrayBufferLike, offset: number, length: number) => A;
function view<A>(bytes: Uint8Array, size: number, type: View<A>): A {
  if (bytes.length % size !== 0) {
    throw new Error(`convert: ${bytes.length} bytes are no whole number of elements of ${size} bytes`);
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
  // Two at a time, as one word: half as many loads.
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

/** The element types that {@link bytesToFloats} reads, by their names in safetensors files. */
export const convertibleTypes: readonly string[] = Object.keys(decoders);

/**
 * The elements of raw little-endian bytes as f32, in an array of their own.
 * @param type name of the element type in safetensors: `F16`, `BF16`, `F8_E4M3`, `F64` ...
 * @throws where the type is unknown or the bytes are no whole number of elements.
 */
export function bytesToFloats(bytes: Uint8Array, type: string): Float32Array<ArrayBuffer> {
  const known = Object.hasOwn(decoders, type) ? decoders[type] : undefined;
  if (!known) {
    throw new Error(`convert: unknown element type ${type}; expected one of ${convertibleTypes.join(', ')}`);
  }
  const count = Math.floor(bytes.length / known.bytes);
  const out = new Float32Array(count);
  known.decode(bytes, out);
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
