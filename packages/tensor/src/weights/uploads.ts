// Bytes written but not yet copied by the GPU still occupy host memory. Keep them bounded, without starving the GPU.
import type { Device } from '../device/device.ts';

/** Default bound on bytes under way. */
export const UPLOAD_BYTES = 16 * 2 ** 20;
/** The same on software adapters, which gain nothing from more: they copy and compute on the cores that wait for them. */
export const SOFTWARE_UPLOAD_BYTES = 4 * 2 ** 20;

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

  /** Counts bytes just written; waits until the bytes under way are within the bound. */
  async add(bytes: number): Promise<void> {
    this.#fresh += bytes;
    if (this.#fresh >= this.#most / 4) {
      const done = this.#device.sync();
      done.catch(() => {}); // the error is thrown where `done` is awaited
      this.#batches.push({ bytes: this.#fresh, done });
      this.#waiting += this.#fresh;
      this.#fresh = 0;
    }
    while (this.#waiting + this.#fresh > this.#most) await this.#oldest();
  }

  /** Waits until the device has copied all of them. */
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
