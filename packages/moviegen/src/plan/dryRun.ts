// A run on a device that allocates and computes nothing: its operations by part, its memory by phase. What runs there is in plan.ts.

import { type Device, dryDevice } from '@moviegen/tensor';
import type { VideoAutoencoder } from '../generate/family.ts';
import { type Latents, uploadLatents } from '../generate/latents.ts';
import type { VideoStream } from '../video/frames.ts';
import { flopsOf, type OpCosts, secondsIn, Tally } from './costs.ts';
import type { GenerationPlan, PartCosts, PhaseMemory, PlanOptions } from './planTypes.ts';

/** A dry device, and what is counted on it. */
export class DryRun {
  readonly device: Device;
  readonly tally: Tally;
  readonly #options: PlanOptions;
  readonly #phases: PhaseMemory[] = [];
  #weights = 0;
  #largestBuffer = 0;

  private constructor(device: Device, tally: Tally, options: PlanOptions) {
    this.device = device;
    this.tally = tally;
    this.#options = options;
  }

  /** @param limits of the device, in place of those of the adapter. */
  static async open(
    options: PlanOptions,
    limits: { readonly maxBufferSize?: number; readonly maxStorageBufferBindingSize?: number },
  ): Promise<DryRun> {
    const tally = new Tally(options.ceilings);
    let run: DryRun | undefined;
    const device = await dryDevice({
      like: options.device,
      limits,
      onDispatch: tally.add,
      onBuffer: (bytes) => {
        if (run) run.#largestBuffer = Math.max(run.#largestBuffer, bytes);
      },
    });
    run = new DryRun(device, tally, options);
    return run;
  }

  /** The models are loaded: what is on the device now are weights. */
  loaded(): void {
    this.#weights = this.device.memory().used;
    this.phase('load');
    this.tally.take();
  }

  /** A phase is over. */
  phase(phase: PhaseMemory['phase']): void {
    const { device } = this;
    const { peak } = device.memory();
    const activations = Math.max(0, peak - this.#weights);
    this.#phases.push({ phase, peak, activations, largestBuffer: this.#largestBuffer });
    device.trim();
    device.resetPeak();
    this.#largestBuffer = 0;
  }

  /** The plan of what has run. @param evaluations of the velocity, in `parts.dit` */
  plan(
    parts: PartCosts,
    evaluations: number,
    said: Omit<GenerationPlan, 'adapter' | 'flops' | 'memory' | 'limits' | 'seconds' | 'ceilings'>,
  ): GenerationPlan {
    const { device } = this;
    const { ceilings } = this.#options;
    const of = (count: (ops: Readonly<Record<string, OpCosts>>) => number) => {
      const [text, dit, tae] = [count(parts.text), count(parts.dit), count(parts.tae)];
      return { text, dit, tae, total: text + dit + tae };
    };
    const flops = of(flopsOf);
    const real = this.#options.device?.limits ?? device.limits;
    return {
      ...said,
      adapter: device.info.description,
      flops: { velocity: flops.dit / evaluations, total: flops.total, parts },
      memory: {
        weights: this.#weights,
        peak: Math.max(...this.#phases.map(({ peak }) => peak)),
        phases: this.#phases,
      },
      limits: { buffer: real.maxBufferSize, binding: real.maxStorageBufferBindingSize },
      ...(ceilings && { ceilings, seconds: of(secondsIn) }),
    };
  }
}

/** Decodes like `decodeFrames`, but reads only one piece of each size, since nobody sees the pixels. */
export async function decodeAll(
  autoencoder: VideoAutoencoder,
  latents: Latents,
  numFrames: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sizes = new Set<number>();
  const part = (start: number, end: number) => uploadLatents(latents, autoencoder.device, start, end);
  for await (const piece of autoencoder.decodeTiled({ shape: [1, ...latents.shape], part }, { numFrames })) {
    signal?.throwIfAborted();
    if (!sizes.has(piece.size)) await piece.read();
    sizes.add(piece.size);
    piece.dispose();
    autoencoder.device.trim(); // as at the end of every turn
  }
}

/** A black video, a frame at a time: what a plan is given. */
export const assumedVideo = (count: number, height: number, width: number, fps: number): VideoStream => ({
  shape: [count, height, width, 3],
  fps,
  async *[Symbol.asyncIterator]() {
    const frame = { data: new Uint8Array(height * width * 3), shape: [1, height, width, 3] } as const;
    for (let k = 0; k < count; k++) yield frame;
  },
});
