// From the device to the host: pooled buffers to copy into, map and read.
import type { BufferRange, Commands } from './commands.ts';
import type { Host } from './host.ts';
import { type BufferPool, sizeClass } from './pool.ts';
import { largestBuffer } from './storage.ts';

const MAP_READ = 0x1;
const COPY_DST = 0x8;
const KEPT_BYTES = 64 * 2 ** 20;

/** Copies ranges of buffers out. */
export class Readback {
  readonly #gpu: GPUDevice;
  readonly #host: Host;
  readonly #commands: Commands;
  readonly #pool: BufferPool;
  readonly #free: GPUBuffer[] = [];

  constructor(gpu: GPUDevice, host: Host, commands: Commands, pool: BufferPool) {
    this.#gpu = gpu;
    this.#host = host;
    this.#commands = commands;
    this.#pool = pool;
  }

  /** The first `bytes` of ranges one after the other, as of the work queued so far. */
  async read(ranges: readonly BufferRange[], bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const result = new Uint8Array(bytes);
    let at = 0;
    const reads = ranges.map((range) => {
      const part = result.subarray(at, at + range.bytes);
      at += range.bytes;
      return this.#readInto(part, range);
    });
    await Promise.all(reads);
    return result;
  }

  /** Encodes the copy at once, so that later work is not seen. */
  async #readInto(part: Uint8Array<ArrayBuffer>, { block, offset }: BufferRange): Promise<void> {
    const padded = Math.ceil(part.length / 4) * 4;
    const staging = this.#take(padded);
    try {
      this.#commands.copyOut(block, offset, staging, padded);
      this.#commands.submit();
      await this.#host.poll(() => staging.mapAsync(1, 0, padded));
      part.set(new Uint8Array(staging.getMappedRange(0, padded), 0, part.length));
      staging.unmap();
      this.#give(staging);
    } catch (error) {
      this.#destroy(staging);
      throw error;
    }
  }

  /** Destroys idle buffers. */
  trim(): void {
    for (const buffer of this.#free.splice(0)) this.#destroy(buffer);
  }

  #take(bytes: number): GPUBuffer {
    const size = Math.max(bytes, Math.min(sizeClass(bytes), largestBuffer(this.#gpu.limits)));
    const at = this.#free.findIndex((buffer) => buffer.size === size);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    this.#pool.count(size);
    return this.#gpu.createBuffer({ label: `readback ${size}`, size, usage: MAP_READ | COPY_DST });
  }

  #give(buffer: GPUBuffer): void {
    this.#free.push(buffer);
    let kept = this.#free.reduce((sum, { size }) => sum + size, 0);
    while (kept > KEPT_BYTES) {
      const oldest = this.#free.shift()!;
      kept -= oldest.size;
      this.#destroy(oldest);
    }
  }

  #destroy(buffer: GPUBuffer): void {
    this.#pool.count(-buffer.size);
    buffer.destroy();
  }
}
