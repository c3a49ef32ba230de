// Element types of the format, in the official order of rising alignment. A writer goes through this order
// from the last type to the first.

/** Bits of one element. F4 and the F6 kinds are packed; such a tensor must still fill whole bytes. */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** Element type of a tensor in a file. */
export type SafetensorsDType = keyof typeof DTYPE_BITS;

/** All element types, in rising order of alignment. */
export const DTYPES = Object.keys(DTYPE_BITS) as readonly SafetensorsDType[];

/** Position in the official order. The writer sorts by it, highest first. */
export const dtypeRank: ReadonlyMap<string, number> = new Map(DTYPES.map((dtype, i) => [dtype, i]));

/** Whether a text names an element type. */
export const isDType = (text: string): text is SafetensorsDType => dtypeRank.has(text);

const U64_MAX = 2n ** 64n - 1n;

/**
 * The size of a tensor in bytes. Every product is checked for overflow of 64 bits, as in the official reader.
 * @returns the size, or what is wrong: `overflow`, or `partial` if sub-byte elements do not fill whole bytes
 */
export function byteSize(
  dtype: SafetensorsDType,
  shape: readonly (number | bigint)[],
): bigint | 'overflow' | 'partial' {
  let elements = 1n;
  for (const size of shape) {
    elements *= BigInt(size);
    if (elements > U64_MAX) return 'overflow';
  }
  const bits = elements * BigInt(DTYPE_BITS[dtype]);
  if (bits > U64_MAX) return 'overflow';
  return bits % 8n === 0n ? bits / 8n : 'partial';
}
