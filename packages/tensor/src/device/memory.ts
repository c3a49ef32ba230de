// The memory of tensors, and the host's writes into it and reads out of it, in order with the kernels.
import type { BufferRange } from '../gpu/commands.ts';
import type { Engine } from '../gpu/engine.ts';
import { type Allocator, acquireStorage, largestBuffer, type Storage } from '../gpu/storage.ts';
import type { Operand } from './operand.ts';

/** The memory of one device's tensors. */
export class TensorMemory {
  readonly #engine: Engine;
  /** Gives back the memory of tensors that were not disposed and can no longer be reached. */
  readonly #orphans = new FinalizationRegistry<Storage>((storage) => storage.release());

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Memory for a tensor, in several buffers where one cannot hold it.
   * @param rowBytes bytes of a row, which should lie in one buffer.
   * @param written whether its content comes from the host.
   */
  allocate(bytes: number, rowBytes: number, label: string, written: boolean): Storage {
    const { faults, pool, limits, recording } = this.#engine;
    faults.throwIfLost();
    const needed = Math.max(16, Math.ceil(bytes / 16) * 16);
    const from: Allocator = recording ?? pool;
    const acquire = (part: number, name: string) =>
      recording && written ? recording.acquireConstant(part, name) : from.acquire(part, name);
    return acquireStorage(from, acquire, needed, rowBytes, largestBuffer(limits), label);
  }

  /** Writes the first content of a new tensor into its `ranges`, which have as many bytes. */
  upload(ranges: readonly BufferRange[], bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    const { commands, gpu } = this.#engine;
    // Dawn for Node ends the process where it is given memory that threads share.
    const shared =
      typeof SharedArrayBuffer === 'function' && (bytes.buffer as object) instanceof SharedArrayBuffer;
    const asItIs = bytes.length % 4 === 0 && !shared;
    const padded = asItIs ? bytes : new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    if (padded !== bytes) padded.set(bytes);
    let at = 0;
    for (const { block, offset, bytes: wanted } of ranges) {
      const size = Math.min(Math.ceil(wanted / 4) * 4, padded.length - at);
      commands.beforeWrite(block);
      gpu.queue.writeBuffer(block.buffer, offset, padded, at, size);
      at += size;
    }
  }

  /** Replaces a tensor's content. */
  overwrite(ranges: readonly BufferRange[], bytes: Uint8Array<ArrayBuffer>): void {
    this.#engine.faults.throwIfLost();
    if (this.#engine.recording) throw new Error('record: write inside a recording would not be replayed');
    this.upload(ranges, bytes);
  }

  /** Fills a tensor with zeros. */
  clear(tensor: Operand): void {
    const { recording, commands } = this.#engine;
    for (const range of tensor.ranges('clear')) {
      if (recording) recording.clear(range, tensor.storage('clear'));
      else commands.clear(range.block, range.offset, range.bytes);
    }
  }

  /** Reads the first `bytes` of ranges. */
  async download(ranges: readonly BufferRange[], bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { faults, readback, recording } = this.#engine;
    faults.throwIfLost();
    if (recording) throw new Error('record: read inside a recording: nothing has run yet');
    if (bytes === 0) return new Uint8Array();
    return faults.settle(readback.read(ranges, bytes));
  }

  /** Makes sure that a tensor without a scope gives its memory back when it can no longer be reached. */
  watch(tensor: Operand): void {
    if (!tensor.disposed) this.#orphans.register(tensor, tensor.storage('scope'), tensor);
  }

  /** Must be called where a tensor is disposed. */
  forget(tensor: Operand): void {
    this.#orphans.unregister(tensor);
  }
}
