// The transformers of a Wan checkpoint: one, or two experts for high and low noise, of which only one is in memory at a time.

import type { Device } from '@moviegen/tensor';
import type { StreamedWanTransformer, WanTransformer } from '@moviegen/wan';

/** A transformer, whole or with its last layers streamed. */
export type Transformer = WanTransformer | StreamedWanTransformer;

/** Loads an expert: the first (0), which is asked at high noise, or the second (1). */
export type LoadExpert = (expert: number, signal: AbortSignal | undefined) => Promise<Transformer>;

/** Which expert a time belongs to: the first from `boundaryRatio` of 1000 on, upwards. */
export const expertAt = (time: number, boundaryRatio: number | undefined): number =>
  boundaryRatio === undefined || time >= boundaryRatio * 1000 ? 0 : 1;

/** At most one loaded expert. */
export class Experts {
  readonly device: Device;
  readonly #load: LoadExpert;
  #now: { readonly expert: number; readonly model: Transformer } | undefined;

  constructor(device: Device, load: LoadExpert) {
    this.device = device;
    this.#load = load;
  }

  /** An expert; the other one is released first. @throws the signal's reason; none is loaded then */
  async get(expert: number, signal?: AbortSignal): Promise<Transformer> {
    if (this.#now?.expert === expert) return this.#now.model;
    this.dispose();
    this.device.trim();
    const model = await this.#load(expert, signal);
    this.#now = { expert, model };
    return model;
  }

  /** The expert that is loaded, if any. */
  get loaded(): Transformer | undefined {
    return this.#now?.model;
  }

  /** Releases the one that is loaded. */
  dispose(): void {
    this.#now?.model.dispose();
    this.#now = undefined;
  }
}
