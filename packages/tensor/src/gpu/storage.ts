// The memory behind tensors: pooled buffers with a count of their holders (tensors, views, recordings). The last holder
// to release them gives them back. Nearly always it is one buffer; memory larger than a buffer may be lies in several,
// one after the other, each but the last filled up to the same `pitch`.
import type { BufferRange } from './commands.ts';
import { OutOfMemoryError } from './errors.ts';
import type { Block } from './pool.ts';

/** Where a storage's buffers came from and return to: the device's pool or a recording. */
export interface Allocator {
  acquire(bytes: number, label: string): Block;
  release(block: Block): void;
}

/** On every adapter an offset that is a multiple of this can be bound: buffers are cut at such offsets. */
const ALIGNMENT = 256;
/** The most bytes of one buffer: less than the limit, since drivers add some bytes and SwiftShader then refuses it. */
export const largestBuffer = ({ maxBufferSize }: GPUSupportedLimits): number =>
  Math.floor((maxBufferSize - 1) / ALIGNMENT) * ALIGNMENT;

/** Bytes of the largest tensor that a kernel can be given whole: it lies in one buffer, and a binding may name it. */
export const largestOperand = ({ limits }: { readonly limits: GPUSupportedLimits }): number =>
  Math.min(Math.floor(limits.maxStorageBufferBindingSize / 16) * 16, largestBuffer(limits));

/** More buffers than any device has room for: only a mistaken shape needs more. */
const MOST_BUFFERS = 1024;

/** Buffers held by one or more tensors. */
export class Storage {
  readonly blocks: readonly Block[];
  readonly #pitch: number;
  readonly #from: Allocator;
  #holders = 1;

  /** @param pitch bytes that lie in each buffer but the last; Infinity where there is only one. */
  constructor(blocks: readonly Block[], pitch: number, from: Allocator) {
    this.blocks = blocks;
    this.#pitch = pitch;
    this.#from = from;
  }

  /** Where `bytes` bytes from `start` on lie: a range of one buffer, or of several in order. */
  ranges(start: number, bytes: number): BufferRange[] {
    const ranges: BufferRange[] = [];
    let [at, left] = [start, bytes];
    do {
      const index = Math.min(Math.floor(at / this.#pitch), this.blocks.length - 1);
      const offset = index === 0 ? at : at - index * this.#pitch;
      const here = index === this.blocks.length - 1 ? left : Math.min(left, this.#pitch - offset);
      ranges.push({ block: this.blocks[index]!, offset, bytes: here });
      at += here;
      left -= here;
    } while (left > 0);
    return ranges;
  }

  /** One holder more. */
  retain(): this {
    this.#holders++;
    return this;
  }

  /** One holder less. */
  release(): void {
    if (--this.#holders === 0) for (const block of this.blocks) this.#from.release(block);
    else if (this.#holders < 0) throw new Error('internal: storage released twice');
  }
}

/**
 * Acquires memory, in several buffers where one cannot hold it: each has whole rows where possible.
 * @param rowBytes bytes of a row, which should not be cut.
 * @param largest bytes of one buffer at most.
 * @throws OutOfMemoryError
 */
export function acquireStorage(
  from: Allocator,
  acquire: (bytes: number, label: string) => Block,
  bytes: number,
  rowBytes: number,
  largest: number,
  label: string,
): Storage {
  if (bytes <= largest) return new Storage([acquire(bytes, label)], Number.POSITIVE_INFINITY, from);
  const pitch = pitchOf(rowBytes, largest);
  const count = Math.ceil(bytes / pitch);
  if (count > MOST_BUFFERS) {
    const limits = `${MOST_BUFFERS} buffers of ${largest} bytes, the most that one holds here`;
    throw new OutOfMemoryError(bytes, `${label}: needs ${bytes} bytes, more than ${limits}`);
  }
  const blocks: Block[] = [];
  try {
    for (let i = 0; i < count; i++)
      blocks.push(acquire(Math.min(pitch, bytes - i * pitch), `${label}, buffer ${i + 1} of ${count}`));
  } catch (error) {
    for (const block of blocks) from.release(block);
    throw error;
  }
  return new Storage(blocks, pitch, from);
}

/** Bytes of a buffer that is filled with whole rows, from an offset that can be bound to the next. */
function pitchOf(rowBytes: number, largest: number): number {
  let unit = rowBytes;
  while (unit % ALIGNMENT !== 0 && unit <= largest) unit *= 2;
  const whole = Math.floor(largest / unit) * unit;
  return whole > 0 && whole % ALIGNMENT === 0 ? whole : Math.floor(largest / ALIGNMENT) * ALIGNMENT;
}
