// Errors of the GPU arrive late, through promises and events. They are gathered here and thrown when the caller waits
// next, so that none is lost.
import { DeviceLostError, OutOfMemoryError, ShaderError } from './errors.ts';
import type { Host } from './host.ts';
import type { Block } from './pool.ts';

/** The message of Dawn and wgpu for an object that an earlier error made invalid. That error is reported too. */
const EFFECT = /\bis invalid( due to a previous error)?\.?$/m;

/** Gathers errors of one device. */
export class Faults {
  readonly #gpu: GPUDevice;
  readonly #host: Host;
  readonly #checks = new Set<Promise<void>>();
  readonly #found: Error[] = [];
  #lost: DeviceLostError | undefined;
  /** Whether a first cause was thrown: its effects may arrive later, and are then not reported. */
  #told = false;
  /** Resolves when the device is lost or destroyed. */
  readonly lost: Promise<DeviceLostError>;

  constructor(gpu: GPUDevice, host: Host) {
    this.#gpu = gpu;
    this.#host = host;
    gpu.onuncapturederror = (event) => {
      event.preventDefault(); // it is thrown below, not printed
      const { error } = event;
      const text = withoutStack(error.message);
      const memory = error.constructor.name === 'GPUOutOfMemoryError';
      this.#found.push(memory ? new OutOfMemoryError(0, `device: ${text}`) : new Error(`webgpu: ${text}`));
    };
    this.lost = gpu.lost.then(({ reason, message }) => {
      this.#lost = new DeviceLostError(reason, message);
      return this.#lost;
    });
  }

  /** Awaits `check` before the caller's next wait ends, which rejects as it does. */
  watch(check: Promise<void>): void {
    const settled = check
      .catch((error: unknown) => {
        this.#found.push(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => this.#checks.delete(settled));
    this.#checks.add(settled);
  }

  /** Watches for a buffer that found no memory; an error scope was pushed before it was made. */
  watchMemory(block: Block, label: string, describe: () => string): void {
    const check = async (): Promise<void> => {
      const error = await this.#host.poll(() => this.#gpu.popErrorScope());
      if (!error) return;
      block.valid = false;
      const text = `${label}: out of memory: no room for ${block.bytes} bytes (${describe()}): ${withoutStack(error.message)}`;
      throw new OutOfMemoryError(block.bytes, text);
    };
    this.watch(check());
  }

  /** Throws where the device is known to be lost. */
  throwIfLost(): void {
    if (this.#lost) throw this.#lost;
  }

  /** Waits for `work` and for all checks; rejects with the first cause of what went wrong. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let failure: unknown;
    let result: T | undefined;
    try {
      result = await work;
    } catch (error) {
      failure = error;
    }
    while (this.#checks.size > 0 && !this.#lost) await Promise.race([Promise.all(this.#checks), this.lost]);
    this.throwIfLost();
    const found = this.#found.splice(0);
    // One cause has many effects: a refused shader or buffer also spoils the commands that name it.
    const cause =
      found.find((error) => error instanceof ShaderError || error instanceof OutOfMemoryError) ??
      found.find((error) => !EFFECT.test(error.message));
    if (cause) this.#told = true;
    const effect = this.#told ? undefined : found[0];
    if (cause ?? effect) throw cause ?? effect;
    if (failure) throw failure;
    return result as T;
  }
}

/** A message without the lines in which Dawn names places in its own source. */
function withoutStack(message: string): string {
  return message.replace(/\n {4}at .*/g, '').trimEnd();
}
