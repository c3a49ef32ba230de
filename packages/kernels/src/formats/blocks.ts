// The quantised blocks of ggml's (llama.cpp's) files, on the CPU: consecutive elements that share scales. blocksWGSL.ts decodes
// them on the device to the same bits: every product here is exact in a single, and what is rounded is one sum.
//
// d and m are halves, q the codes of the elements; a byte holds the codes of one of the first elements and of one of those after
// them, in its low and its high four bits.
//   Q8_0   d q             Q4_0, Q5_0   d (q - 8), d (q - 16)          Q4_1, Q5_1   d q + m
//   K      256 elements whose parts of 16 or 32 have small integers as scales: d s q - m t (2, 4, 5 bits) or d s (q - 4, 32)
import { halfToFloat } from './numbers.ts';

/** A block: how many elements it holds, in how many bytes, and how they are decoded. */
export interface Block {
  readonly elements: number;
  readonly bytes: number;
  /** Writes the block that begins at byte `at` of b to `out`, from element `to` on. */
  decode(b: Uint8Array, at: number, out: Float32Array, to: number): void;
}

const half = (b: Uint8Array, at: number) => halfToFloat(b[at]! | (b[at + 1]! << 8));
const signed = (byte: number) => (byte << 24) >> 24;
/** Bit j of the 32 from byte `at` on. */
const bit = (b: Uint8Array, at: number, j: number) => (b[at + (j >> 3)]! >> (j & 7)) & 1;

/** 32 elements of one value each. */
const blockOf32 = (bytes: number, value: (b: Uint8Array, at: number, j: number) => number): Block => ({
  elements: 32,
  bytes,
  decode(b, at, out, to) {
    for (let j = 0; j < 32; j++) out[to + j] = value(b, at, j);
  },
});
const nibble = (b: Uint8Array, at: number, j: number) => (j < 16 ? b[at + j]! & 15 : b[at + j - 16]! >> 4);

/** 256 elements in parts, each with a factor and an offset. */
const blockOf256 = (
  bytes: number,
  part: number,
  scales: (b: Uint8Array, at: number, k: number) => readonly [factor: number, offset: number],
  code: (b: Uint8Array, at: number, j: number) => number,
): Block => ({
  elements: 256,
  bytes,
  decode(b, at, out, to) {
    for (let k = 0; k < 256 / part; k++) {
      const [factor, offset] = scales(b, at, k);
      for (let j = k * part; j < (k + 1) * part; j++) out[to + j] = factor * code(b, at, j) - offset;
    }
  },
});

/** Six bits each of a scale and an offset, of 8 parts in 12 bytes. */
function packedScales(b: Uint8Array, at: number, k: number): readonly [number, number] {
  const s = at + 4;
  const [scale, offset] =
    k < 4
      ? [b[s + k]! & 63, b[s + k + 4]! & 63]
      : [(b[s + k + 4]! & 15) | ((b[s + k - 4]! >> 2) & 48), (b[s + k + 4]! >> 4) | ((b[s + k]! >> 2) & 48)];
  return [half(b, at) * scale, half(b, at + 2) * offset];
}

/** Two bits of element j: four rows of 32 elements share 32 bytes. */
const crumb = (b: Uint8Array, at: number, j: number) =>
  (b[at + (j >> 7) * 32 + (j & 31)]! >> (2 * ((j >> 5) & 3))) & 3;
/** Four bits of element j: two rows of 32 elements share 32 bytes. */
const rowNibble = (b: Uint8Array, at: number, j: number) =>
  (b[at + (j >> 6) * 32 + (j & 31)]! >> (4 * ((j >> 5) & 1))) & 15;

/** The blocks that are read, by the names that ggml gives them. */
export const blocks: Readonly<Record<string, Block>> = {
  Q8_0: blockOf32(34, (b, at, j) => half(b, at) * signed(b[at + 2 + j]!)),
  Q4_0: blockOf32(18, (b, at, j) => half(b, at) * (nibble(b, at + 2, j) - 8)),
  Q4_1: blockOf32(20, (b, at, j) => half(b, at) * nibble(b, at + 4, j) + half(b, at + 2)),
  Q5_0: blockOf32(22, (b, at, j) => half(b, at) * ((nibble(b, at + 6, j) | (bit(b, at + 2, j) << 4)) - 16)),
  Q5_1: blockOf32(
    24,
    (b, at, j) => half(b, at) * (nibble(b, at + 8, j) | (bit(b, at + 4, j) << 4)) + half(b, at + 2),
  ),
  Q2_K: blockOf256(
    84,
    16,
    (b, at, k) => [half(b, at + 80) * (b[at + k]! & 15), half(b, at + 82) * (b[at + k]! >> 4)],
    (b, at, j) => crumb(b, at + 16, j),
  ),
  Q3_K: blockOf256(
    110,
    16,
    (b, at, k) => {
      const low = k < 8 ? b[at + 96 + k]! & 15 : b[at + 88 + k]! >> 4;
      const high = (b[at + 104 + (k & 3)]! >> (2 * (k >> 2))) & 3;
      return [half(b, at + 108) * ((low | (high << 4)) - 32), 0];
    },
    (b, at, j) => crumb(b, at + 32, j) - 4 * (1 - ((b[at + (j & 31)]! >> (j >> 5)) & 1)),
  ),
  Q4_K: blockOf256(144, 32, packedScales, (b, at, j) => rowNibble(b, at + 16, j)),
  Q5_K: blockOf256(
    176,
    32,
    packedScales,
    (b, at, j) => rowNibble(b, at + 48, j) | (((b[at + 16 + (j & 31)]! >> (j >> 5)) & 1) << 4),
  ),
  Q6_K: blockOf256(
    210,
    16,
    (b, at, k) => [half(b, at + 208) * signed(b[at + 192 + k]!), 0],
    (b, at, j) => {
      const low = (b[at + (j >> 7) * 64 + (j & 63)]! >> (4 * ((j >> 6) & 1))) & 15;
      return (low | (crumb(b, at + 128, j) << 4)) - 32;
    },
  ),
};
