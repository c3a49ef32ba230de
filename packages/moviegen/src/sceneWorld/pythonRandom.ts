// The generator of Python's `random.Random(text)`, since the fixed lists of prompts are defined by what it draws: the Mersenne
// Twister MT19937, seeded by a text's bytes and their SHA-512 (version 2), and those of its methods that are needed.

import { sha512 } from '@noble/hashes/sha2.js';

const SIZE = 624;
const SHIFT = 397;

/** Draws what Python 3.11 draws. */
export class PythonRandom {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  constructor(seed: string) {
    const bytes = new TextEncoder().encode(seed);
    this.#seed(wordsOf([...bytes, ...sha512(bytes)]));
  }

  /** 0 <= x < 1, of 53 bits. */
  random(): number {
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An integer below n. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const drawn = this.#next() >>> (32 - bits);
      if (drawn < n) return drawn;
    }
  }

  /** One of several. */
  choice<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Some of at most 21, none twice. */
  sample<T>(from: readonly T[], count: number): T[] {
    const pool = [...from];
    return Array.from({ length: count }, (_, i) => {
      const j = this.below(pool.length - i);
      const drawn = pool[j]!;
      pool[j] = pool[pool.length - i - 1]!;
      return drawn;
    });
  }

  /** `init_by_array` of the authors of the generator. */
  #seed(key: readonly number[]): void {
    const s = this.#state;
    s[0] = 19650218;
    for (let i = 1; i < SIZE; i++) s[i] = Math.imul(1812433253, mixed(s[i - 1]!)) + i;
    let i = 1;
    const step = () => {
      i++;
      if (i < SIZE) return;
      s[0] = s[SIZE - 1]!;
      i = 1;
    };
    for (let k = 0; k < Math.max(SIZE, key.length); k++) {
      const j = k % key.length;
      s[i] = (s[i]! ^ Math.imul(mixed(s[i - 1]!), 1664525)) + key[j]! + j;
      step();
    }
    for (let k = 0; k < SIZE - 1; k++) {
      s[i] = (s[i]! ^ Math.imul(mixed(s[i - 1]!), 1566083941)) - i;
      step();
    }
    s[0] = 0x80000000;
  }

  #next(): number {
    if (this.#at === SIZE) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const s = this.#state;
    for (let k = 0; k < SIZE; k++) {
      const y = (s[k]! & 0x80000000) | (s[(k + 1) % SIZE]! & 0x7fffffff);
      s[k] = s[(k + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}

const mixed = (word: number): number => word ^ (word >>> 30);

/** The 32-bit words of an integer, least significant first, of its bytes, most significant first. */
function wordsOf(bytes: readonly number[]): number[] {
  const words: number[] = [];
  for (let end = bytes.length; end > 0; end -= 4)
    words.push(bytes.slice(Math.max(0, end - 4), end).reduce((word, byte) => word * 256 + byte, 0));
  while (words.length > 1 && words.at(-1) === 0) words.pop();
  return words;
}
