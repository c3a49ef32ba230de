// Perceptual hashes for finding copies: a 64-bit difference hash of each of 8 frames of a clip. A bit says whether the picture
// gets darker from one ninth of the width to the next, in one eighth of the height.

/** A 64-bit hash as two halves. */
export type Hash = readonly [high: number, low: number];

/** The hash of luma that was reduced to 8 rows of 9 values. */
export function differenceHash(small: ArrayLike<number>): Hash {
  const halves: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const at = Math.floor(bit / 8) * 9 + (bit % 8);
    if (small[at]! > small[at + 1]!) halves[bit < 32 ? 0 : 1] |= 1 << (bit % 32);
  }
  return [halves[0] >>> 0, halves[1] >>> 0];
}

/** How many of 64 bits differ. */
export const hamming = (a: Hash, b: Hash): number => bits(a[0] ^ b[0]) + bits(a[1] ^ b[1]);

function bits(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The mean of the differing bits of two clips' frames; it stops early, with infinity, once the mean is beyond `limit`. */
export function meanHamming(a: readonly Hash[], b: readonly Hash[], limit = 64): number {
  const count = Math.min(a.length, b.length);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    sum += hamming(a[k]!, b[k]!);
    if (sum > limit * count) return Number.POSITIVE_INFINITY;
  }
  return count === 0 ? Number.POSITIVE_INFINITY : sum / count;
}
