// The pipeline: a checkpoint on a device, and what can be asked of it. Not here: how a group of prompts becomes
// videos (group.ts), files of videos (video/), the command line (cli/).

import type { TileOptions } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { type CheckpointFiles, type FilesOptions, openFiles } from './checkpoint/files.ts';
import type { LoraFile } from './checkpoint/loras.ts';
import type { DTypePolicy } from './checkpoint/precision.ts';
import { InputError } from './errors.ts';
import { type Geometry, geometryOf } from './families/movieGen/geometry.ts';
import type { ModelIndex } from './families/movieGen/modelIndex.ts';
import { loadModels, type Models } from './families/movieGen/models.ts';
import { type DecodeFramesOptions, decodeFrames, encodeFrames, frameCount } from './generate/autoencode.ts';
import { type GroupTold, type Sampled, sampleGroup } from './generate/group.ts';
import type { Latents } from './generate/latents.ts';
import { type GenerateOptions, planOf, seedOf } from './generate/options.ts';
import { type LatentProjection, projectionOf } from './generate/preview.ts';
import type { OnProgress, Phase } from './generate/progress.ts';
import { type Outside, Turns } from './generate/turns.ts';
import {
  collectFrames,
  type FrameSource,
  type Frames,
  joinFrames,
  piecesOf,
  type Video,
  type VideoStream,
} from './video/frames.ts';

/** Options of `MovieGen.fromPretrained`. */
export interface FromPretrainedOptions extends FilesOptions {
  /** Where the models run; it stays the caller's. Default: a device of its own, which `dispose` ends. */
  readonly device?: Device;
  /** Types of weights and activations, for all models or a part each; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  /**
   * Bytes that the transformer's weights may take on the device; all else comes on top. Where it needs more, its layers
   * are streamed at every step, the next one while the current one computes. Same videos, to the bit. Default: no bound.
   */
  readonly maxMemory?: number;
  /**
   * Where streamed layers come from: the files, which the system may keep in memory if it has any to spare, or our own
   * copy in host memory. Default: `disk` for folders, `host` for addresses.
   */
  readonly offload?: 'disk' | 'host';
  /** LoRAs to merge into the transformer. */
  readonly loras?: readonly LoraFile[];
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

/** A video that is made: its latents are there, its frames are decoded as they are asked for, anew each time. */
export interface GenerationStream extends VideoStream, Omit<Generation, 'frames' | 'timings'> {
  readonly fps: number;
  /** Seconds that each phase took; videos made together share them. */
  readonly timings: Sampled['timings'];
}

/** Options of `MovieGen.encode`. */
export interface EncodeOptions {
  /** Sample the latents' distribution with this seed, instead of taking its mode. */
  readonly sampleSeed?: number | bigint;
  /** Sizes of tiles. */
  readonly tiles?: TileOptions;
  readonly signal?: AbortSignal;
  /** Told of the frames that were taken so far; what it gives is waited for. */
  readonly onProgress?: (frames: number) => void | Promise<void>;
}

/** Options of `MovieGen.decode`. */
export interface DecodeOptions {
  /** Frames, within 8T-7 .. 8T; the default is 8T. */
  readonly numFrames?: number;
  /** Sizes of tiles. */
  readonly tiles?: TileOptions;
  readonly signal?: AbortSignal;
  /** What it gives is waited for. */
  readonly onProgress?: (frames: number, totalFrames: number) => void | Promise<void>;
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
 * The same prompt, options and seed give the same frames on the same adapter. Calls wait for one another: one that is made within
 * an `onProgress` begins when the call that tells it is done, so do not await it there.
 */
export class MovieGen {
  readonly device: Device;
  /** What the checkpoint says of itself: defaults of size and sampling, example prompts. */
  readonly index: ModelIndex;
  readonly #models: Models;
  readonly #ownsDevice: boolean;
  /** A device runs one thing after the other; what a call leaves free goes back to the system. */
  readonly #turns = new Turns(() => this.device.trim());
  #projection: LatentProjection | undefined;
  #disposed = false;

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
    const { dtype = 'f32', maxMemory, offload, loras, signal, onProgress } = options;
    signal?.throwIfAborted();
    const files = openFiles(source, options);
    const device = options.device ?? (await openDevice());
    const ownsDevice = options.device === undefined;
    try {
      const models = await loadModels(device, files, {
        ...{ dtype, maxMemory, offload, loras, http: options, signal, onProgress },
      });
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
    for await (const stream of this.generateStreams(prompts, options)) {
      const began = performance.now();
      const { data, shape, fps } = await collectFrames(stream);
      const decode = (performance.now() - began) / 1000;
      const { prompt, seed, latents, timings } = stream;
      yield { prompt, seed, frames: { data, shape, fps }, fps, latents, timings: { ...timings, decode } };
    }
  }

  /**
   * The same without holding videos in memory: each comes as a stream, whose frames are decoded as they are asked for. Take
   * a stream's frames before the next stream.
   *
   * ```ts
   * for await (const video of movieGen.generateStreams(['a red circle grows'], { numFrames: 256 }))
   *   await encodeVideoTo(file, video, { format: 'mp4' });
   * ```
   */
  async *generateStreams(
    prompts: readonly string[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationStream> {
    const plan = planOf(prompts, options, this.index, this.#geometry);
    const { signal, onProgress } = options;
    const { numFrames, height, width, fps } = plan;
    for (let first = 0; first < plan.jobs.length; first += plan.batch) {
      const jobs = plan.jobs.slice(first, first + plan.batch);
      const tell = async (told: GroupTold) => onProgress?.({ ...told, first, count: jobs.length });
      const projection = () => this.#projectionOnce();
      const sampled = await this.#inTurn(signal, () =>
        sampleGroup(this.#models, jobs, plan, { tell, signal, projection }),
      );
      for (const [i, { latents, timings }] of sampled.entries()) {
        const { prompt, seed } = jobs[i]!;
        const told = (frames: number, totalFrames: number) => tell({ phase: 'decode', frames, totalFrames });
        const frames = () => this.#decodeTold(latents, { numFrames, signal, onProgress: told });
        yield {
          ...{ prompt, seed: plainSeed(seed), latents, timings, fps },
          shape: [numFrames, height, width, 3],
          [Symbol.asyncIterator]: frames,
        };
      }
    }
  }

  /**
   * Latents of a video.
   * @param video frames of a height and width that are multiples of 8, any number of them, as a whole or in pieces, which
   *   are asked for as they are needed
   * @throws InputError
   */
  async encode(video: FrameSource, options: EncodeOptions = {}): Promise<Latents> {
    const { sampleSeed, ...rest } = options;
    const seed = sampleSeed === undefined ? undefined : seedOf(sampleSeed);
    return this.#inTurn(options.signal, (outside) => {
      // Pieces may come of another call, which would wait for this one.
      const source = 'data' in video ? video : asked(piecesOf(video), outside);
      return encodeFrames(this.#models.tae, source, { ...rest, seed });
    });
  }

  /** Frames of latents. @throws InputError */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const numFrames = frameCount(this.#models.tae, latents, options.numFrames);
    return this.#inTurn(options.signal, async () => {
      const parts: Frames[] = [];
      for await (const piece of decodeFrames(this.#models.tae, latents, { ...options, numFrames }))
        parts.push(piece);
      return joinFrames(parts);
    });
  }

  /**
   * The same in pieces, each as soon as it is done: memory does not grow with the number of frames.
   * @throws InputError at once; the signal's reason while frames are taken.
   */
  decodeStream(latents: Latents, options: DecodeOptions = {}): AsyncGenerator<Frames, void> {
    const { tae } = this.#models;
    const numFrames = frameCount(tae, latents, options.numFrames);
    return this.#eachInTurn(options.signal, decodeFrames(tae, latents, { ...options, numFrames }));
  }

  /** Releases the models, and the device where it was opened here. Calls that are not done reject. */
  dispose(): void {
    this.#disposed = true;
    this.#models.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  async *#decodeTold(
    latents: Latents,
    options: DecodeFramesOptions & { onProgress: (frames: number, totalFrames: number) => Promise<void> },
  ): AsyncGenerator<Frames, void> {
    await options.onProgress(0, options.numFrames);
    try {
      yield* this.#eachInTurn(options.signal, decodeFrames(this.#models.tae, latents, options));
    } finally {
      this.device.trim();
    }
  }

  /** Pieces that take turns with other calls: nobody waits until somebody has taken all of them. */
  async *#eachInTurn<T>(
    signal: AbortSignal | undefined,
    pieces: AsyncGenerator<T, void>,
  ): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const next = await this.#inTurn(signal, () => pieces.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await pieces.return();
    }
  }

  async #inTurn<T>(signal: AbortSignal | undefined, work: (outside: Outside) => Promise<T>): Promise<T> {
    const gone = (options?: ErrorOptions) =>
      new InputError('movieGen: this pipeline was disposed of: load it again', options);
    return this.#turns.take(async (outside) => {
      signal?.throwIfAborted();
      if (this.#disposed) throw gone();
      try {
        return await work(outside);
      } catch (cause) {
        throw this.#disposed && !signal?.aborted ? gone({ cause }) : cause;
      }
    });
  }

  async #projectionOnce(): Promise<LatentProjection> {
    this.#projection ??= await projectionOf(this.#models.tae);
    return this.#projection;
  }

  get #geometry(): Geometry {
    const { dit, tae } = this.#models;
    return geometryOf(dit.config, tae);
  }
}

/** Pieces that are waited for outside of a turn. */
async function* asked<T>(pieces: AsyncGenerator<T>, outside: Outside): AsyncGenerator<T> {
  try {
    for (;;) {
      const next = await outside(() => pieces.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await pieces.return(undefined);
  }
}

const plainSeed = (seed: bigint): number | bigint =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
