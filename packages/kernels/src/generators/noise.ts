// The options of a noise, and the 32-bit words that Philox needs for them: shared by the kernel and its CPU reference.

/** Which noise to make. Element i depends only on seed, stream and i, never on the shape of the tensor. */
export interface NoiseOptions {
  /** An integer from 0 to 2^64 - 1. */
  readonly seed: number | bigint;
  /** Two words; the first says what the noise is for (0 latents, 1 the autoencoder's sample). A number n is [n, 0]. */
  readonly stream?: number | readonly [number, number];
  /** Index of the first element, so that a tensor can continue another one. Default 0. */
  readonly start?: number;
}

/** The options as words. @throws if seed, stream or start is out of range. */
export function noiseKey({ seed, stream = 0, start = 0 }: NoiseOptions): {
  key: readonly [number, number];
  stream: readonly [number, number];
  start: number;
} {
  const whole = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  if (!whole || seed < 0 || seed >= 2n ** 64n) {
    throw new Error(`randn: seed must be an integer from 0 to 2^64 - 1 (a bigint above 2^53), got ${seed}`);
  }
  const words = typeof stream === 'number' ? ([stream, 0] as const) : stream;
  if (words.length !== 2 || words.some((word) => !Number.isInteger(word) || word < 0 || word >= 2 ** 32)) {
    throw new Error(`randn: stream must be one or two integers from 0 to 2^32 - 1, got ${stream}`);
  }
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new Error(`randn: start must be an integer of at least 0, got ${start}`);
  }
  const wide = BigInt(seed);
  return { key: [Number(wide & 0xffffffffn), Number(wide >> 32n)], stream: words, start };
}
