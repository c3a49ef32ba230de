// One number of a format of weight files, as a JavaScript number and back. Arrays of them are in convert.ts. A conversion to a
// narrower float rounds to nearest, ties to even; NaN stays NaN and overflow becomes infinity.

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

/** The 16 bits of the IEEE half nearest to the single with these bits. */
export function halfOfSingleBits(bits: number): number {
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
