// Tensors' memory and what the host puts into it and takes out of it, in order with the kernels.
import type { Dispatcher } from './dispatcher.ts';
import type { Binding } from './encoder.ts';
import type { Engine } from './engine.ts';
import { type Allocator, Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/** The memory of one device's tensors. */
export class TensorMemory {
  readonly #engine: Engine;
  readonly #dispatcher: Dispatcher;
  /** Gives back the memory of tensors that nobody disposed and nobody can reach any more. */
  readonly #orphans = new FinalizationRegistry<Storage>((storage) => storage.release());

  constructor(engine: Engine, dispatcher: Dispatcher) {
    this.#engine = engine;
    this.#dispatcher = dispatcher;
  }

  /** Memory for a tensor; `written` where its content comes from the host. */
  allocate(bytes: number, label: string, written: boolean): Storage {
    this.#engine.faults.throwIfLost();
    const { plan } = this.#dispatcher;
    const needed = Math.max(16, Math.ceil(bytes / 16) * 16);
    const from: Allocator = plan ?? this.#engine.pool;
    const block = plan && written ? plan.acquireConstant(needed, label) : from.acquire(needed, label);
    return new Storage(block, from);
  }

  /** Writes the first content of a new tensor. */
  upload({ block, offset }: Binding, bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    const { encoder, gpu } = this.#engine;
    encoder.beforeWrite(block);
    const padded = bytes.length % 4 === 0 ? bytes : new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    if (padded !== bytes) padded.set(bytes);
    gpu.queue.writeBuffer(block.buffer, offset, padded, 0, padded.length);
  }

  /** Replaces a tensor's content. */
  overwrite(binding: Binding, bytes: Uint8Array<ArrayBuffer>): void {
    this.#engine.faults.throwIfLost();
    if (this.#dispatcher.plan) throw new Error('record: write inside a recording would not be replayed');
    this.upload(binding, bytes);
  }

  /** Fills a tensor with zeros. */
  clear(tensor: Tensor): void {
    const range = tensor.binding('clear');
    const { plan } = this.#dispatcher;
    if (plan) plan.clear(range, tensor.storage('clear'));
    else this.#engine.encoder.clear(range.block, range.offset, range.bytes);
  }

  /** Reads bytes of a range. */
  async download(range: Binding, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { faults, readback } = this.#engine;
    faults.throwIfLost();
    if (this.#dispatcher.plan) throw new Error('record: read inside a recording: nothing has run yet');
    if (bytes === 0) return new Uint8Array();
    return faults.settle(readback.read(range, bytes));
  }

  /** Sees to it that a tensor which no scope owns gives its memory back once it cannot be reached. */
  watch(tensor: Tensor): void {
    if (!tensor.disposed) this.#orphans.register(tensor, tensor.storage('scope'), tensor);
  }

  /** Must be called where a tensor is disposed. */
  forget(tensor: Tensor): void {
    this.#orphans.unregister(tensor);
  }
}
