// Choices that other languages repeat to the bit: a linear congruential generator of 32 bits, as in
// reference/moviegen_reference/draws.py.

import { BACKGROUNDS, COLOURS, type Facts, heldOut, MOTIONS, RADII, SHAPES } from './world.ts';

export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  choice<T>(options: readonly T[]): T {
    return options[this.below(options.length)]!;
  }

  /** One of the words of a table. */
  word<T extends string>(table: Readonly<Record<T, unknown>>): T {
    return this.choice(Object.keys(table) as T[]);
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Facts, drawn until they are of the kind; what grows or shrinks has no size of its own. */
  facts(held: boolean): Facts {
    for (;;) {
      const [colour, shape, motion] = [this.word(COLOURS), this.choice(SHAPES), this.choice(MOTIONS)];
      const [background, drawn] = [this.word(BACKGROUNDS), this.word(RADII)];
      const size = motion === 'grows' || motion === 'shrinks' ? '' : drawn;
      const facts = { colour, shape, motion, background, size };
      if (heldOut(facts) === held) return facts;
    }
  }
}
