// The pipeline: a checkpoint on a device, and what can be asked of it. Not here: how a group of prompts becomes
// videos (group.ts), files of videos (video/), the command line (cli/).

import { type Device, Tensor } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { decodeFrames, encodeFrames, frameCount } from './autoencode.ts';
import { type CheckpointFiles, type FilesOptions, openFiles } from './checkpointFiles.ts';
import { InputError } from './errors.ts';
import { type GenerateOptions, type Geometry, planOf, seedOf } from './generateOptions.ts';
import { type GroupTold, makeGroup } from './group.ts';
import type { Latents } from './latents.ts';
import type { ModelIndex } from './modelIndex.ts';
import { loadModels, type Models } from './models.ts';
import type { DTypePolicy } from './precision.ts';
import { type LatentProjection, projectionOf } from './preview.ts';
import type { OnProgress, Phase } from './progress.ts';
import type { Frames, Video } from './video/frames.ts';

/** Options of `MovieGen.fromPretrained`. */
export interface FromPretrainedOptions extends FilesOptions {
  /** Where the models run; it stays the caller's. Default: a device of its own, which `dispose` ends. */
  readonly device?: Device;
  /** Types of weights and activations, for all models or a part each; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
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

  /** The same, each group of `batch` videos as soon as it is done. */
  async *generateEach(prompts: readonly string[], options: GenerateOptions = {}): AsyncGenerator<Generation> {
    const plan = planOf(prompts, options, this.index, this.#geometry);
    const { signal, onProgress } = options;
    for (let first = 0; first < plan.jobs.length; first += plan.batch) {
      const jobs = plan.jobs.slice(first, first + plan.batch);
      const tell = async (told: GroupTold) => onProgress?.({ ...told, first, count: jobs.length });
      const projection = () => this.#projectionOnce();
      const made = await this.#inTurn(() =>
        makeGroup(this.#models, jobs, plan, { tell, signal, projection }),
      );
      for (const [i, { frames, ...rest }] of made.entries()) {
        const { prompt, seed } = jobs[i]!;
        const { fps } = plan;
        yield { prompt, seed: plainSeed(seed), frames: { ...frames, fps }, fps, ...rest };
      }
    }
  }

  /** Latents of a video. @param video height and width multiples of 8, any number of frames. @throws InputError */
  async encode(video: Frames, { sampleSeed, signal }: EncodeOptions = {}): Promise<Latents> {
    const seed = sampleSeed === undefined ? undefined : seedOf(sampleSeed);
    const [frames, height, width] = video.shape;
    const { tae } = this.#models;
    if (frames === 0) throw new InputError('encode: the video has no frames');
    if (height % tae.factor !== 0 || width % tae.factor !== 0)
      throw new InputError(
        `encode: width and height must be multiples of ${tae.factor}, got ${width}x${height}; pad or crop the video`,
      );
    return this.#inTurn(() => encodeFrames(tae, video, { seed, signal }));
  }

  /** Frames of latents. @throws InputError */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const { tae } = this.#models;
    const [C, T] = latents.shape;
    const { latentChannels } = tae.config;
    if (C !== latentChannels)
      throw new InputError(
        `decode: latents must have ${latentChannels} channels, got [${latents.shape.join(', ')}]`,
      );
    const numFrames = frameCount(tae, T, options.numFrames);
    return this.#inTurn(async () => {
      const tensor = Tensor.from(this.device, latents.data, [1, ...latents.shape]);
      try {
        return await decodeFrames(tae, tensor, { ...options, numFrames });
      } finally {
        tensor.dispose();
      }
    });
  }

  /** Releases the models, and the device where it was opened here. */
  dispose(): void {
    const { text, dit, tae } = this.#models;
    for (const model of [text, dit, tae]) model.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  async #projectionOnce(): Promise<LatentProjection> {
    this.#projection ??= await projectionOf(this.#models.tae);
    return this.#projection;
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

  /** One call at a time: a device runs one thing after the other. What a call leaves free goes back to the system. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work).finally(() => this.device.trim());
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

const plainSeed = (seed: bigint): number | bigint =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
