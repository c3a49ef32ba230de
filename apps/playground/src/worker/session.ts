// What lives as long as the worker: one device, and one model on it, which another one replaces. A lost device is forgotten, and
// the next caller gets a new one.

import { blobSource } from '@moviegen/safetensors';
import { Device, type DeviceLostError, orAborted } from '@moviegen/tensor';
import { MovieGenUpsampler, VideoPipeline } from 'moviegen';
import { fetchCheckpoint } from '../checkpoint/fetchCheckpoint.ts';
import { listingOf } from '../checkpoint/listing.ts';
import { openStore, type Store } from '../checkpoint/store.ts';
import { hubModel, type ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';
import type { GenerateNews } from '../protocol.ts';

/** What loads: a model that makes videos, or one that makes them larger. */
const KINDS = { pipeline: VideoPipeline, upsampler: MovieGenUpsampler };
type Loaded = { pipeline: VideoPipeline; upsampler: MovieGenUpsampler };

/** The device and the model of a worker. */
export class Session {
  #device: Promise<Device> | undefined;
  /** What is loaded, and which that is. */
  #model: { readonly key: string; readonly loading: Promise<{ dispose(): void }> } | undefined;
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

  /** A model, fetched and loaded unless it is the last one that was asked for. */
  async model<K extends keyof Loaded>(
    kind: K,
    place: ModelPlace,
    tell: (news: GenerateNews) => void,
    signal: AbortSignal,
  ): Promise<Loaded[K]> {
    const device = await this.device();
    const { states, token, loras = [], ...rest } = place;
    const merged = loras.map(({ file, ...how }) => [file.name, file.size, file.lastModified, how]);
    const key = JSON.stringify([kind, rest, merged, states === undefined]);
    if (this.#model?.key === key) return this.#model.loading as Promise<Loaded[K]>;
    const before = this.#model;
    this.#model = undefined;
    (await before?.loading.catch(() => undefined))?.dispose();
    const loading = load(device, kind, place, tell, signal);
    this.#model = { key, loading };
    loading.catch(() => {
      if (this.#model?.loading === loading) this.#model = undefined;
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

async function load<K extends keyof Loaded>(
  device: Device,
  kind: K,
  place: ModelPlace,
  tell: (news: GenerateNews) => void,
  signal: AbortSignal,
): Promise<Loaded[K]> {
  tell({ phase: 'fetch' });
  // Of several windows of a page, only one fetches.
  const name = storeName(place);
  const files = await navigator.locks.request(name, { signal }, async () => {
    const store = await storeOrNone(name);
    return fetchCheckpoint(await listingOf(place, store, signal), place, {
      store,
      signal,
      onProgress: (done, total) => tell({ phase: 'fetch', done, total }),
      onNotKept: () =>
        tell({
          phase: 'fetch',
          notice:
            'The model does not fit into this browser’s storage, or storage is off: it is used now, and fetched again next time.',
        }),
    });
  });
  const { dtype = 'f32', maxMemory, states, loras = [] } = place;
  const lorasFor = (low: boolean) =>
    loras
      .filter((lora) => (lora.low ?? false) === low)
      .map(({ file, scale }) => ({ source: blobSource(file, file.name), weight: scale }));
  const loras2 = lorasFor(true);
  const loading: Promise<{ dispose(): void }> = KINDS[kind].fromPretrained(files, {
    device,
    dtype,
    ...(maxMemory !== undefined && { maxMemory }),
    textEncoder: states === undefined,
    loras: lorasFor(false),
    ...(loras2.length > 0 && { loras2 }),
    signal,
    onProgress: (progress) => {
      if (progress.phase !== 'load') return;
      tell({ phase: 'load', done: progress.bytes, total: progress.totalBytes });
    },
  });
  return loading.catch(refused) as Promise<Loaded[K]>;
}

/** The error of what a person has asked of a model that is itself whole. */
function refused(error: unknown): never {
  const { message } = error as Error;
  const code = /\bLoRAs?\b|\blora: /.test(message)
    ? 'lora'
    : /\bmaxMemory\b/.test(message)
      ? 'wrong-input'
      : undefined;
  throw code === undefined ? error : new ProblemError(code, message, { cause: error });
}

/** Each model has its own files; each page of an origin has its own model. */
export function storeName({ place, hub }: ModelPlace): string {
  const model = hubModel(place);
  if (model !== undefined) return `moviegen ${encodeURIComponent(`${new URL(hub).host}/${model.id}`)}`;
  const { origin, pathname, href } = new URL(place);
  return `moviegen ${encodeURIComponent(origin === location.origin ? pathname : href)}`;
}

/** Opens the store; undefined in private windows and old browsers, which do not keep files. */
export async function storeOrNone(name: string): Promise<Store | undefined> {
  try {
    return await openStore(name);
  } catch {
    return undefined;
  }
}
