// The device's storage buffers, pooled by size class, with exact counts of their bytes. The pool does not know tensors.
import { OutOfMemoryError } from './errors.ts';

// WebGPU's usage bits: the globals of that name do not exist in Node.
const STORAGE = 0x80;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;

/** A buffer of the pool. */
export interface Block {
  /** Never used twice, so that caches may use it as a key. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** The last batch of commands that named it: a batch that is still being encoded is submitted before a host write. */
  batch: number;
  /** False once the adapter refused the memory: then it is dropped, not pooled. */
  valid: boolean;
}

/** Bytes held on the device, exactly. */
export interface Memory {
  /** All buffers: `used + pooled` and the device's own for uniforms and readback. */
  readonly allocated: number;
  /** Buffers that hold living tensors or belong to a recording. */
  readonly used: number;
  /** Free buffers kept for reuse; `device.trim()` gives them back. */
  readonly pooled: number;
  /** Highest `allocated` since the start or `device.resetPeak()`. */
  readonly peak: number;
  /** Highest `used` since then: what a program needs; `peak` also counts buffers that the pool kept. */
  readonly peakUsed: number;
  /** Count of all buffers. */
  readonly buffers: number;
}

const MIB = 2 ** 20;
/** The most bytes that the pool keeps beyond a program's needs: a large model's weights leave no room for more. */
const MOST_SPARE = 2048 * MIB;

/**
 * The size class of a request: multiples of 256 bytes up to 4 KiB, then 16 steps per doubling, of 1 MiB at
 * most. Little is wasted, and small shapes that differ a little still share buffers.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= 4096) return Math.max(256, Math.ceil(bytes / 256) * 256);
  const step = Math.min(MIB, 2 ** (Math.floor(Math.log2(bytes - 1)) - 4));
  return Math.ceil(bytes / step) * step;
}

/** Hands out buffers and takes them back. */
export class BufferPool {
  readonly #gpu: GPUDevice;
  readonly #largest: number;
  readonly #limit: number;
  /** Free blocks by class, the most recently freed last. */
  readonly #free = new Map<number, Block[]>();
  readonly #onCreate: (block: Block, label: string) => void;
  readonly #beforeDestroy: (block: Block) => void;
  #next = 0;
  #used = 0;
  #pooled = 0;
  #own = 0;
  #peak = 0;
  #peakUsed = 0;
  #buffers = 0;

  /**
   * @param largest bytes of one buffer at most.
   * @param limit bytes that all buffers together may reach; Infinity for what the adapter has.
   * @param onCreate called while the new buffer's error scope is open, to watch for refused memory.
   * @param beforeDestroy called before a buffer goes, which commands not yet submitted may still name.
   */
  constructor(
    gpu: GPUDevice,
    largest: number,
    limit: number,
    onCreate: (block: Block, label: string) => void,
    beforeDestroy: (block: Block) => void,
  ) {
    this.#gpu = gpu;
    this.#largest = largest;
    this.#limit = limit;
    this.#onCreate = onCreate;
    this.#beforeDestroy = beforeDestroy;
  }

  /**
   * A buffer of at least `bytes`; its content is whatever was there.
   * @throws OutOfMemoryError where the adapter or the budget cannot hold it.
   */
  acquire(bytes: number, label: string): Block {
    const most = this.#largest;
    if (bytes > most) {
      throw new OutOfMemoryError(bytes, `${label}: needs ${bytes} bytes, but a buffer here holds ${most}`);
    }
    const size = Math.min(sizeClass(bytes), most);
    const free = this.#free.get(size);
    const block = free?.pop();
    if (block) {
      if (free!.length === 0) this.#free.delete(size);
      this.#pooled -= size;
      this.#use(size);
      return block;
    }
    return this.#create(size, label);
  }

  /** Takes a buffer back. Work already encoded or submitted may still use it: commands.ts says why that is safe. */
  release(block: Block): void {
    this.#used -= block.bytes;
    this.#pooled += block.bytes;
    const free = this.#free.get(block.bytes);
    if (free) free.push(block);
    else this.#free.set(block.bytes, [block]);
    if (!block.valid) this.#destroy(block);
  }

  /** Destroys free buffers, those of the least recently used sizes first, until `keep` bytes are left. */
  trim(keep = 0): void {
    for (const blocks of [...this.#free.values()]) {
      for (const block of [...blocks]) {
        if (this.#pooled <= keep) return;
        this.#destroy(block);
      }
    }
  }

  /** Counts a buffer that the device made for itself; negative when it goes. */
  count(bytes: number): void {
    this.#own += bytes;
    this.#buffers += Math.sign(bytes);
    this.#notePeak();
  }

  memory(): Memory {
    const allocated = this.#used + this.#pooled + this.#own;
    return {
      allocated,
      used: this.#used,
      pooled: this.#pooled,
      peak: this.#peak,
      peakUsed: this.#peakUsed,
      buffers: this.#buffers,
    };
  }

  resetPeak(): void {
    this.#peak = this.memory().allocated;
    this.#peakUsed = this.#used;
  }

  #create(size: number, label: string): Block {
    // Phases of a program use different sizes: buffers that one phase left in the pool go, to make room for the next.
    const needed = Math.max(this.#peakUsed, this.#used + size);
    const enough = needed + Math.min(needed / 4, MOST_SPARE) + 256 * MIB;
    const excess = this.memory().allocated + size - Math.min(this.#limit, enough);
    if (excess > 0) this.trim(Math.max(0, this.#pooled - excess));
    const { allocated, used } = this.memory();
    if (allocated + size > this.#limit) {
      throw new OutOfMemoryError(
        size,
        `${label}: out of memory: needs ${size} bytes, but ${used} of memoryLimit=${this.#limit} are in use`,
      );
    }
    const id = this.#next++;
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({
      label: `pool ${id}`,
      size,
      usage: STORAGE | COPY_SRC | COPY_DST,
    });
    const block: Block = { id, buffer, bytes: size, batch: -1, valid: true };
    this.#use(size);
    this.#buffers++;
    this.#notePeak();
    this.#onCreate(block, label);
    return block;
  }

  #use(size: number): void {
    this.#used += size;
    this.#peakUsed = Math.max(this.#peakUsed, this.#used);
  }

  #notePeak(): void {
    this.#peak = Math.max(this.#peak, this.#used + this.#pooled + this.#own);
  }

  #destroy(block: Block): void {
    const blocks = this.#free.get(block.bytes)!;
    blocks.splice(blocks.indexOf(block), 1);
    if (blocks.length === 0) this.#free.delete(block.bytes);
    this.#beforeDestroy(block);
    block.buffer.destroy();
    this.#pooled -= block.bytes;
    this.#buffers--;
  }
}
