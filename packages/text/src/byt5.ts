// ByT5's tokens (Xue et al. 2021): the bytes of UTF-8. Ids 0, 1, 2 are pad, end and unknown.

const OFFSET = 3;
const END = 1;

/**
 * ByT5's token ids of a text: its UTF-8 bytes plus 3, then the end token.
 * @param maxLength tokens at most; the end token stays.
 */
export function byt5Ids(text: string, maxLength = Number.POSITIVE_INFINITY): number[] {
  const bytes = new TextEncoder().encode(text);
  const kept = bytes.subarray(0, Math.max(0, Math.min(bytes.length, maxLength - 1)));
  return [...Array.from(kept, (byte) => byte + OFFSET), END];
}
