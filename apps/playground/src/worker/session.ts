// What lives as long as the worker: one device, one model on it. A device that is lost is forgotten; whoever asks
// next gets another.

import { Device, type DeviceLostError } from '@moviegen/tensor';
import { describeDevice, MovieGen } from 'moviegen';
import { fetchCheckpoint } from '../checkpoint/fetchCheckpoint.ts';
import { openStore, type Store } from '../checkpoint/store.ts';
import { ProblemError } from '../problem.ts';
import type { GenerateNews } from '../protocol.ts';

/** Where the checkpoint lies, seen from the worker's file: `assets/` in the build, `src/worker/` in development. */
const CHECKPOINT = new URL(import.meta.env.PROD ? '../checkpoint/' : '../../checkpoint/', location.href);
/** The name under which this page keeps it: pages of one origin do not share. */
const STORE = `moviegen ${encodeURIComponent(CHECKPOINT.pathname)}`;

/** The device and the model of a worker. */
export class Session {
  readonly #onLost: (message: string) => void;
  #device: Promise<Device> | undefined;
  #model: Promise<MovieGen> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(onLost: (message: string) => void) {
    this.#onLost = onLost;
  }

  /** Runs work that needs the device to itself, after the work before it. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** The device; opened where there is none. @throws ProblemError, NoAdapterError */
  device(): Promise<Device> {
    if (this.#device !== undefined) return this.#device;
    const opening = this.#open();
    this.#device = opening;
    opening.catch(() => this.#forget(opening));
    return opening;
  }

  /** The model, brought and loaded where it is not there yet. */
  async model(tell: (news: GenerateNews) => void, signal: AbortSignal): Promise<MovieGen> {
    const device = await this.device();
    if (this.#model !== undefined) return this.#model;
    const loading = load(device, tell, signal);
    this.#model = loading;
    loading.catch(() => {
      if (this.#model === loading) this.#model = undefined;
    });
    return loading;
  }

  /** What became of the device, where an error may only be the first sign of its loss. */
  async lostWithin(ms: number): Promise<DeviceLostError | undefined> {
    const device = await this.#lastDevice?.catch(() => undefined);
    if (device === undefined) return undefined;
    const patience = new Promise<undefined>((resolve) => setTimeout(resolve, ms));
    return Promise.race([device.lost, patience]);
  }

  #lastDevice: Promise<Device> | undefined;

  async #open(): Promise<Device> {
    checkWebGpu();
    const device = await Device.create();
    const opened = this.#device;
    this.#lastDevice = opened;
    void device.lost.then(({ message }) => {
      this.#forget(opened);
      this.#onLost(message);
    });
    return device;
  }

  #forget(device: Promise<Device> | undefined): void {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#model = undefined;
  }
}

/** @throws ProblemError saying why there is no WebGPU at all. */
export function checkWebGpu(): void {
  if (!globalThis.isSecureContext)
    throw new ProblemError('insecure', `${location.origin} is neither https nor localhost`);
  if (navigator.gpu === undefined) throw new ProblemError('no-webgpu', 'navigator.gpu is not there');
}

/** An adapter's name for people: what it says of itself, the plainest first. */
export function adapterName(device: Device): string {
  const { vendor, architecture, device: name, description } = describeDevice(device).adapter;
  return (
    description || name || [vendor, architecture].filter((part) => part !== '').join(' ') || 'unnamed adapter'
  );
}

async function load(
  device: Device,
  tell: (news: GenerateNews) => void,
  signal: AbortSignal,
): Promise<MovieGen> {
  tell({ phase: 'fetch' });
  const files = await navigator.locks.request(STORE, { signal }, async () =>
    fetchCheckpoint(CHECKPOINT, {
      store: await storeOrNone(),
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
    ...{ device, signal },
    onProgress: (progress) => {
      if (progress.phase !== 'load') return;
      tell({ phase: 'load', done: progress.bytes, total: progress.totalBytes });
    },
  });
}

/** Private windows and old browsers keep no files. */
async function storeOrNone(): Promise<Store | undefined> {
  try {
    return await openStore(STORE);
  } catch {
    return undefined;
  }
}
