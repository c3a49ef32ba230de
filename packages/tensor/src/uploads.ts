// What the host has handed over and the device not yet copied counts as host memory: it is kept within bounds, and
// so that the device always has something left to copy.
import type { Device } from './device/device.ts';

/** Bytes that may be under way where nothing else is said. */
export const UPLOAD_BYTES = 16 * 2 ** 20;

/** Writes under way to a device. */
export class Uploads {
  readonly #device: Device;
  readonly #most: number;
  readonly #batches: { readonly bytes: number; readonly done: Promise<void> }[] = [];
  #waiting = 0;
  #fresh = 0;

  /** @param most bytes that may be under way when more are written. */
  constructor(device: Device, most: number) {
    this.#device = device;
    this.#most = most;
  }

  /** Counts bytes just written; waits until no more than the bound are under way. */
  async add(bytes: number): Promise<void> {
    this.#fresh += bytes;
    if (this.#fresh >= this.#most / 4) {
      const done = this.#device.sync();
      done.catch(() => {}); // thrown where it is awaited
      this.#batches.push({ bytes: this.#fresh, done });
      this.#waiting += this.#fresh;
      this.#fresh = 0;
    }
    while (this.#waiting + this.#fresh > this.#most) await this.#oldest();
  }

  /** Waits for all of them. */
  async finish(): Promise<void> {
    while (this.#batches.length > 0) await this.#oldest();
    await this.#device.sync();
    this.#fresh = 0;
  }

  async #oldest(): Promise<void> {
    const { bytes, done } = this.#batches.shift()!;
    this.#waiting -= bytes;
    await done;
  }
}
