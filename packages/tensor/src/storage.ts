// The memory behind tensors: a pooled buffer with a count of those who hold it (tensors, their views,
// recordings). The last to let go gives it back.
import type { Block } from './pool.ts';

/** Where a storage's buffer came from and returns to: the device's pool or a recording's plan. */
export interface Allocator {
  acquire(bytes: number, label: string): Block;
  release(block: Block): void;
}

/** A buffer held by one or more tensors. */
export class Storage {
  readonly block: Block;
  readonly #from: Allocator;
  #holders = 1;

  constructor(block: Block, from: Allocator) {
    this.block = block;
    this.#from = from;
  }

  /** One holder more. */
  retain(): this {
    this.#holders++;
    return this;
  }

  /** One holder less. */
  release(): void {
    if (--this.#holders === 0) this.#from.release(this.block);
    else if (this.#holders < 0) throw new Error('internal: storage released twice');
  }
}
