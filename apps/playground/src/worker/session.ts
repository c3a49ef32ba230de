// What lives as long as the worker: one device, and one model on it. A lost device is forgotten, and the next caller
// gets a new one.

import { Device, type DeviceLostError, orAborted } from '@moviegen/tensor';
import { MovieGen } from 'moviegen';
import { fetchCheckpoint } from '../checkpoint/fetchCheckpoint.ts';
import { openStore, type Store } from '../checkpoint/store.ts';
import { ProblemError } from '../problem.ts';
import type { GenerateNews } from '../protocol.ts';

/** The device and the model of a worker. */
export class Session {
  #device: Promise<Device> | undefined;
  #model: Promise<MovieGen> | undefined;
  /** The last device that was opened, lost or not. */
  #lastDevice: Promise<Device> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #busy = false;

  /**
   * Runs work that must be alone on the device, after all work that was given before.
   * @param onWait called if other work is running
   * @throws the signal's reason, at once while it waits
   */
  async exclusive<T>(work: () => Promise<T>, signal: AbortSignal, onWait?: () => void): Promise<T> {
    const before = this.#turn;
    const turn = before.then(() => {
      signal.throwIfAborted();
      this.#busy = true;
      return work().finally(() => {
        this.#busy = false;
      });
    });
    this.#turn = turn.catch(() => {});
    if (this.#busy) onWait?.();
    await orAborted(before, signal);
    return turn;
  }

  /** The device, opened if there is none. @throws ProblemError, NoAdapterError */
  device(): Promise<Device> {
    if (this.#device !== undefined) return this.#device;
    const opening = this.#open();
    this.#device = opening;
    opening.catch(() => this.#forget(opening));
    return opening;
  }

  /** The model, fetched and loaded at the first call. @param checkpoint the address of its folder */
  async model(
    checkpoint: string,
    tell: (news: GenerateNews) => void,
    signal: AbortSignal,
  ): Promise<MovieGen> {
    const device = await this.device();
    if (this.#model !== undefined) return this.#model;
    const loading = load(device, new URL(checkpoint), tell, signal);
    this.#model = loading;
    loading.catch(() => {
      if (this.#model === loading) this.#model = undefined;
    });
    return loading;
  }

  /** The loss of the device behind an error, if there was one: an error may be its first sign. */
  async lostWithin(ms: number): Promise<DeviceLostError | undefined> {
    const device = await this.#lastDevice?.catch(() => undefined);
    if (device === undefined) return undefined;
    const patience = new Promise<undefined>((resolve) => setTimeout(resolve, ms));
    return Promise.race([device.lost, patience]);
  }

  async #open(): Promise<Device> {
    checkWebGpu();
    const device = await Device.create();
    const opened = this.#device;
    this.#lastDevice = opened;
    void device.lost.then(() => this.#forget(opened));
    return device;
  }

  #forget(device: Promise<Device> | undefined): void {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#model = undefined;
  }
}

/** Checks that the browser has WebGPU. @throws ProblemError that says why it has none */
export function checkWebGpu(): void {
  if (!globalThis.isSecureContext)
    throw new ProblemError('insecure', `${location.origin} is neither https nor localhost`);
  if (navigator.gpu === undefined) throw new ProblemError('no-webgpu', 'navigator.gpu is not there');
}

async function load(
  device: Device,
  checkpoint: URL,
  tell: (news: GenerateNews) => void,
  signal: AbortSignal,
): Promise<MovieGen> {
  tell({ phase: 'fetch' });
  // Of several windows of a page, only one fetches.
  const name = storeName(checkpoint);
  const files = await navigator.locks.request(name, { signal }, async () =>
    fetchCheckpoint(checkpoint, {
      store: await storeOrNone(name),
      signal,
      onProgress: (done, total) => tell({ phase: 'fetch', done, total }),
      onNotKept: () =>
        tell({
          phase: 'fetch',
          notice:
            'The model does not fit into this browser’s storage, or storage is off: it is used now, and fetched again next time.',
        }),
    }),
  );
  return MovieGen.fromPretrained(files, {
    device,
    signal,
    onProgress: (progress) => {
      if (progress.phase !== 'load') return;
      tell({ phase: 'load', done: progress.bytes, total: progress.totalBytes });
    },
  });
}

/** Each page of an origin keeps its own files. */
export const storeName = (checkpoint: URL): string => `moviegen ${encodeURIComponent(checkpoint.pathname)}`;

/** Opens the store; undefined in private windows and old browsers, which do not keep files. */
export async function storeOrNone(name: string): Promise<Store | undefined> {
  try {
    return await openStore(name);
  } catch {
    return undefined;
  }
}
