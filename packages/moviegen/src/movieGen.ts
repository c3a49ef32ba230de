// The pipeline: a prompt through the text encoders, the flow and the autoencoder, to frames. Not here: files of
// videos (video/), the command line (cli/).
//
// Legend: B videos made together, C latent channels, T H W the latent's frames, height, width.

import type { Context } from '@moviegen/dit';
import { sample } from '@moviegen/sampler';
import { concat, type Device, type DType, eulerStep, randn, scope, slice, Tensor } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { orAborted } from './abort.ts';
import { type CheckpointFiles, type FilesOptions, openFiles } from './checkpointFiles.ts';
import { InputError } from './errors.ts';
import {
  type GenerateOptions,
  type Geometry,
  type Job,
  type Plan,
  planOf,
  seedOf,
} from './generateOptions.ts';
import { type RecordedVelocity, recordVelocity } from './guidedVelocity.ts';
import { type Latents, latentsFrom } from './latents.ts';
import type { ModelIndex } from './modelIndex.ts';
import { loadModels, type Models } from './models.ts';
import { colourChart, fitProjection, type LatentProjection, projectLatents } from './preview.ts';
import type { OnProgress, Phase, Progress, StepProgress } from './progress.ts';
import { type Frames, framesFromPixels, joinFrames, pixelsFromFrames, type Video } from './video/frames.ts';

/** Options of `MovieGen.fromPretrained`. */
export interface FromPretrainedOptions extends FilesOptions {
  /** Where the models run; it stays the caller's. Default: a device of its own, which `dispose` ends. */
  readonly device?: Device;
  /** Type of weights and activations; sums are in f32 always. Default f32. */
  readonly dtype?: DType;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A video that was made. */
export interface Generation {
  readonly prompt: string;
  readonly seed: number | bigint;
  /** 8-bit RGB, [T', H', W', 3]. */
  readonly frames: Video;
  /** Frames a second. */
  readonly fps: number;
  /** What the frames were decoded from. */
  readonly latents: Latents;
  /** Seconds that each phase took; videos made together share the first three. */
  readonly timings: Readonly<Record<Exclude<Phase, 'load'>, number>>;
}

/** Options of `MovieGen.encode`. */
export interface EncodeOptions {
  /** Sample the latents' distribution with this seed, instead of taking its mode. */
  readonly sampleSeed?: number | bigint;
  readonly signal?: AbortSignal;
}

/** Options of `MovieGen.decode`. */
export interface DecodeOptions {
  /** Frames, within 8T-7 .. 8T; the default is 8T. */
  readonly numFrames?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (frames: number, totalFrames: number) => void;
}

/** Noise streams, as in reference/moviegen_reference/philox.py: 0 the initial latents, 1 the posterior's sample. */
const POSTERIOR_STREAM = [1, 0] as const;

/**
 * Movie Gen: text to video.
 *
 * ```ts
 * const movieGen = await MovieGen.fromPretrained('models/shapes-world');
 * const { frames } = await movieGen.generate('a red circle moves right on a black background', { seed: 1 });
 * const file = await encodeVideo(frames, { format: 'mp4' });
 * movieGen.dispose();
 * ```
 *
 * The same prompt, options and seed give the same frames on the same adapter. Calls wait for one another.
 */
export class MovieGen {
  readonly device: Device;
  /** What the checkpoint says of itself: defaults of size and sampling, example prompts. */
  readonly index: ModelIndex;
  readonly #models: Models;
  readonly #ownsDevice: boolean;
  #turn: Promise<unknown> = Promise.resolve();
  #projection: LatentProjection | undefined;

  private constructor(device: Device, models: Models, ownsDevice: boolean) {
    this.device = device;
    this.index = models.index;
    this.#models = models;
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads a checkpoint.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: FromPretrainedOptions = {},
  ): Promise<MovieGen> {
    const { dtype = 'f32', signal, onProgress } = options;
    signal?.throwIfAborted();
    const files = openFiles(source, options);
    const device = options.device ?? (await openDevice());
    const ownsDevice = options.device === undefined;
    try {
      const models = await loadModels(device, files, { dtype, signal, onProgress });
      return new MovieGen(device, models, ownsDevice);
    } catch (error) {
      if (ownsDevice) device.destroy();
      throw error;
    }
  }

  /** Makes a video of a prompt, or one of each of several. @throws InputError; the signal's reason where aborted. */
  generate(prompt: string, options?: GenerateOptions): Promise<Generation>;
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<Generation[]>;
  async generate(
    prompt: string | readonly string[],
    options: GenerateOptions = {},
  ): Promise<Generation | Generation[]> {
    const made: Generation[] = [];
    for await (const one of this.generateEach(typeof prompt === 'string' ? [prompt] : prompt, options))
      made.push(one);
    return typeof prompt === 'string' ? made[0]! : made;
  }

  /** The same, each video as soon as it is done. */
  async *generateEach(prompts: readonly string[], options: GenerateOptions = {}): AsyncGenerator<Generation> {
    const plan = planOf(prompts, options, this.index, this.#geometry);
    for (let first = 0; first < plan.jobs.length; first += plan.batch) {
      const jobs = plan.jobs.slice(first, first + plan.batch);
      const tell = async (progress: Told) => options.onProgress?.({ ...progress, first, count: jobs.length });
      yield* await this.#inTurn(() => this.#generateGroup(jobs, plan, tell, options.signal));
    }
  }

  /** Latents of a video. @param video height and width multiples of 8, any number of frames. */
  async encode(video: Frames, { sampleSeed, signal }: EncodeOptions = {}): Promise<Latents> {
    const seed = sampleSeed === undefined ? undefined : seedOf(sampleSeed);
    const [frames, height, width] = video.shape;
    const { factor } = this.#models.tae;
    if (frames === 0 || height % factor !== 0 || width % factor !== 0)
      throw new InputError(
        `encode: height and width must be multiples of ${factor}, and frames there must be: got ${frames} of ${width}x${height}`,
      );
    return this.#inTurn(async () => {
      const { tae } = this.#models;
      const pixels = Tensor.from(this.device, pixelsFromFrames(video), [1, 3, frames, height, width]);
      const tiles: Tensor[] = [];
      const posteriors = tae.encodeTiled(pixels);
      try {
        for (let start = 0; ; ) {
          const { value: posterior, done } = await settled(posteriors.next(), signal, dispose);
          if (done) break;
          const noise =
            seed === undefined
              ? undefined
              : randn(this.device, posterior.mean.shape, { seed, stream: POSTERIOR_STREAM, start });
          tiles.push(noise ? posterior.sample(noise) : posterior.mode());
          start += posterior.mean.size;
          for (const tensor of [posterior.mean, posterior.logvar, noise]) tensor?.dispose();
        }
        const whole = tiles.length === 1 ? tiles[0]! : concat(tiles, { axis: 2 });
        tiles.push(whole);
        return latentsFrom((await whole.read()) as Float32Array<ArrayBuffer>, whole.shape);
      } finally {
        void posteriors.return(undefined).catch(() => {});
        for (const tensor of [pixels, ...tiles]) tensor.dispose();
        this.device.trim();
      }
    });
  }

  /** Frames of latents. */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const [C, T, H, W] = latents.shape;
    const { latentChannels } = this.#models.tae.config;
    if (C !== latentChannels)
      throw new InputError(
        `decode: latents must have ${latentChannels} channels, got [${latents.shape.join(', ')}]`,
      );
    const numFrames = this.#frameCount(T, options.numFrames);
    return this.#inTurn(async () => {
      const tensor = Tensor.from(this.device, latents.data, [1, C, T, H, W]);
      try {
        return await this.#decode(tensor, { ...options, numFrames });
      } finally {
        tensor.dispose();
        this.device.trim();
      }
    });
  }

  /** Releases the models, and the device where it was opened here. */
  dispose(): void {
    const { text, dit, tae } = this.#models;
    for (const model of [text, dit, tae]) model.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  async #generateGroup(
    jobs: readonly Job[],
    plan: Plan,
    tell: (progress: Told) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<Generation[]> {
    const { device } = this;
    const clock = stopwatch();
    const owned: { dispose(): void }[] = [];
    const own = <T extends { dispose(): void }>(value: T): T => {
      owned.push(value);
      return value;
    };
    try {
      await tell({ phase: 'text' });
      const context = own(this.#context(jobs, plan));
      await orAborted(device.sync(), signal);
      const text = clock();

      await tell({ phase: 'compile' });
      const noise = own(this.#noise(jobs, plan));
      const recorded = own(recordVelocity(this.#models.dit, context, noise.shape, plan.guidanceScale));
      await orAborted(recorded.ready(), signal);
      const compile = clock();

      const latents = own(await this.#sample(noise, recorded, plan, tell, signal));
      const sampled = clock();
      for (const used of [context, noise, recorded]) used.dispose();

      const made: Generation[] = [];
      for (const [b, { prompt, seed }] of jobs.entries()) {
        const z = own(row(latents, b));
        await tell({ phase: 'decode', frames: 0, totalFrames: plan.numFrames });
        const frames = await this.#decode(z, {
          numFrames: plan.numFrames,
          ...(signal && { signal }),
          onProgress: (frames, totalFrames) => void tell({ phase: 'decode', frames, totalFrames }),
        });
        const values = latentsFrom((await z.read()) as Float32Array<ArrayBuffer>, z.shape);
        made.push({
          prompt,
          seed: seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed,
          frames: { ...frames, fps: plan.fps },
          fps: plan.fps,
          latents: values,
          timings: { text, compile, sample: sampled, decode: clock() },
        });
      }
      return made;
    } finally {
      for (const value of owned) value.dispose();
      device.trim();
    }
  }

  /** What cross-attention needs of the prompts; of the null or negative prompts before them, where there is guidance. */
  #context(jobs: readonly Job[], { fps, guidanceScale }: Plan): Context {
    const { text, dit } = this.#models;
    const negatives = guidanceScale === 1 ? [] : jobs.map(({ negativePrompt }) => negativePrompt);
    const states = text.encode([...negatives, ...jobs.map(({ prompt }) => prompt)], { fps });
    const context = dit.context(states);
    for (const { states: tensor } of Object.values(states)) tensor.dispose();
    return context;
  }

  /** X_0, each video's own: [B, C, T, H, W]. */
  #noise(jobs: readonly Job[], { numFrames, height, width }: Plan): Tensor {
    const shape = [1, ...this.#geometry.latentShape(numFrames, height, width)];
    return scope(this.device, () => {
      const each = jobs.map(({ seed, noise }) =>
        noise === undefined
          ? randn(this.device, shape, { seed })
          : Tensor.from(this.device, noise.data, shape),
      );
      return each.length === 1 ? each[0]! : concat(each, { axis: 0 });
    });
  }

  async #sample(
    noise: Tensor,
    recorded: RecordedVelocity,
    { schedule, solver }: Plan,
    tell: (progress: Told) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<Tensor> {
    let time = 0; // of the last velocity
    const steps = schedule && schedule.length - 1;
    const preview = async () => this.#preview(recorded, time);
    await tell({ phase: 'sample', step: 0, steps, t: 0, preview: async () => [] });
    return sample(
      (x, t) => {
        time = t;
        return recorded.velocity(x, t);
      },
      noise,
      {
        solver,
        ...(schedule && { schedule }),
        ...(signal && { signal }),
        onStep: ({ step, steps, t }) => tell({ phase: 'sample', step, steps, t, preview }),
      },
    );
  }

  /** Pictures of where the flow is heading: x + (1 - t) u, the end of a straight path. */
  async #preview({ last: { x, u } }: RecordedVelocity, time: number): Promise<Frames[]> {
    const end = eulerStep(x, u, 1 - time);
    const [B, ...shape] = end.shape as [number, ...number[]];
    const values = end.read() as Promise<Float32Array<ArrayBuffer>>;
    end.dispose();
    this.#projection ??= await this.#fitProjection();
    const data = await values;
    const size = data.length / B;
    return Array.from({ length: B }, (_, b) =>
      projectLatents(latentsFrom(data.slice(b * size, (b + 1) * size), shape), this.#projection!),
    );
  }

  /** Fitted to what the encoder makes of a chart of colours. */
  async #fitProjection(): Promise<LatentProjection> {
    const [side, patch] = [128, 16];
    const { tae } = this.#models;
    const chart = colourChart(side, patch);
    const pixels = Tensor.from(this.device, chart, [1, 3, 1, side, side]);
    const posterior = tae.encode(pixels);
    const mode = posterior.mode();
    const latents = latentsFrom((await mode.read()) as Float32Array<ArrayBuffer>, mode.shape);
    for (const tensor of [pixels, posterior.mean, posterior.logvar, mode]) tensor.dispose();
    const [, , H, W] = latents.shape;
    const colours = new Float32Array(H * W * 3);
    for (let at = 0; at < H * W; at++) {
      const [y, x] = [Math.floor(at / W), at % W];
      const pixel = Math.floor((y + 0.5) * tae.factor) * side + Math.floor((x + 0.5) * tae.factor);
      for (let channel = 0; channel < 3; channel++)
        colours[at * 3 + channel] = chart[channel * side * side + pixel]!;
    }
    return fitProjection(latents, colours);
  }

  /** Frames of [1, C, T, H, W], tile by tile. */
  async #decode(latent: Tensor, { numFrames, signal, onProgress }: DecodeOptions & { numFrames: number }) {
    const parts: Frames[] = [];
    const tiles = this.#models.tae.decodeTiled(latent, { numFrames });
    let done = 0;
    try {
      for (;;) {
        const next = await settled(tiles.next(), signal, dispose);
        if (next.done) return joinFrames(parts);
        const [, , T, H, W] = next.value.shape as [number, number, number, number, number];
        const pixels = next.value.read() as Promise<Float32Array>;
        next.value.dispose();
        parts.push(framesFromPixels(await orAborted(pixels, signal), [T, H, W]));
        done += T;
        onProgress?.(done, numFrames);
      }
    } finally {
      void tiles.return(undefined).catch(() => {});
    }
  }

  get #geometry(): Geometry {
    const { dit, tae } = this.#models;
    const [, patchH, patchW] = dit.config.patchSize;
    const { factor, config } = tae;
    const framesEach = config.temporal ? factor : 1;
    return {
      multiple: [factor * patchH, factor * patchW],
      latentShape: (frames, height, width) => [
        config.latentChannels,
        Math.ceil(frames / framesEach),
        height / factor,
        width / factor,
      ],
    };
  }

  #frameCount(T: number, given: number | undefined): number {
    const { factor, config } = this.#models.tae;
    const most = T * (config.temporal ? factor : 1);
    const least = config.temporal ? most - factor + 1 : most;
    const count = given ?? most;
    if (Number.isInteger(count) && least <= count && count <= most) return count;
    throw new InputError(`decode: these latents hold ${least} to ${most} frames, got numFrames ${count}`);
  }

  /** One call at a time: a device runs one thing after the other. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** Progress without what its group adds. */
type Told = DistributiveOmit<Exclude<Progress, { phase: 'load' }>, 'first' | 'count'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A video of a batch: [1, C, T, H, W]. */
function row(batch: Tensor, b: number): Tensor {
  const [, ...shape] = batch.shape as [number, ...number[]];
  return slice(batch, { start: [b, ...shape.map(() => 0)], end: [b + 1, ...shape] });
}

/** What an iterator gives next; where the caller gives up before, it is thrown away when it comes. */
async function settled<T>(
  next: Promise<IteratorResult<T>>,
  signal: AbortSignal | undefined,
  discard: (value: T) => void,
): Promise<IteratorResult<T>> {
  let heard = true;
  next.then(
    (result) => {
      if (!heard && !result.done) discard(result.value);
    },
    () => {},
  );
  try {
    return await orAborted(next, signal);
  } catch (error) {
    heard = false;
    throw error;
  }
}

function dispose(value: Tensor | { readonly mean: Tensor; readonly logvar: Tensor }): void {
  if (value instanceof Tensor) value.dispose();
  else for (const tensor of [value.mean, value.logvar]) tensor.dispose();
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const begun = last;
    last = performance.now();
    return (last - begun) / 1000;
  };
}

export type { StepProgress };
