// The pipeline: a checkpoint of any family on a device, and what it can do. Not here: how a group of prompts becomes
// latents (generate/group.ts), files of videos (video/), the command line (cli/).

import type { Device } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { checkOptions, type Known } from './arguments.ts';
import { type FilesOptions, openFiles } from './checkpoint/files.ts';
import type { LoraFile } from './checkpoint/loras.ts';
import type { DTypePolicy } from './checkpoint/precision.ts';
import type { TokenizerPlaces } from './checkpoint/tokenizerFiles.ts';
import { type CheckpointFiles, FILES_OPTIONS, type Place } from './checkpointFiles.ts';
import { errorsInNameOf, InputError, inNameOf } from './errors.ts';
import {
  DECODE_OPTIONS,
  type DecodeFramesOptions,
  type DecodeOptions,
  decodeFrames,
  ENCODE_OPTIONS,
  type EncodeOptions,
  encodeFrames,
  frameCount,
} from './generate/autoencode.ts';
import { type ExtendOptions, type Extension, type ExtensionStream, extended } from './generate/extend.ts';
import {
  isPartPlaces,
  type LoadModelsOptions,
  NO_FILES,
  type PartPlaces,
  type VideoModels,
} from './generate/family.ts';
import { type GivenOptions, type GivenVideo, givenNotes } from './generate/given.ts';
import { type GroupTold, type Sampled, sampleGroup } from './generate/group.ts';
import type { Job } from './generate/jobs.ts';
import type { Latents } from './generate/latents.ts';
import { type GenerateOptions, type OwnJob, requestOf } from './generate/options.ts';
import type { OnProgress, Phase } from './generate/progress.ts';
import type { GenerationDefaults } from './generate/request.ts';
import { takeIn } from './generate/takeIn.ts';
import { piecesOutside, Turns } from './generate/turns.ts';
import type { UpscaleOptions } from './generate/upscale.ts';
import { seedOf } from './generate/values.ts';
import {
  collectFrames,
  type FrameSource,
  type Frames,
  isWhole,
  joinFrames,
  piecesOf,
  type Video,
  type VideoStream,
} from './video/frames.ts';

/** Options of `VideoPipeline.fromPretrained`. */
export interface FromPretrainedOptions extends FilesOptions {
  /** The device; the caller keeps it. Default: a new one, which `dispose` destroys. */
  readonly device?: Device;
  /** Types of weights and activations, for all models or for each part; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  /**
   * Bytes that the transformer's weights may take on the device; everything else comes on top. If they need more, layers
   * are streamed at every step, the next one while the current one computes. Videos stay the same to the bit. Default: no
   * bound.
   */
  readonly maxMemory?: number;
  /**
   * With `maxMemory`: where streamed layers come from: the files, which the system may keep in spare memory, or our own copy in host memory. Default: `disk` for folders, `host` for addresses.
   */
  readonly offload?: 'disk' | 'host';
  /**
   * Tokenizers that do not lie in their encoders' folders: one place per encoder (`{ ul2: 'tokenizers/ul2' }`), or one place,
   * where only one encoder has a tokenizer.
   */
  readonly tokenizer?: TokenizerPlaces;
  /**
   * Models in place of the checkpoint's own, each a folder or a single file, safetensors or GGUF (Wan):
   * `{ transformer: 'wan2.1-t2v-14b-Q4_K_M.gguf' }`.
   */
  readonly parts?: PartPlaces;
  /**
   * `false` leaves the text encoder's files alone, which are most of Wan's bytes: `generate` is then given `promptStates`. Of Wan.
   * Default true.
   */
  readonly textEncoder?: boolean;
  /** LoRAs to merge into the transformer; of two experts, into the one for high noise, as diffusers does. */
  readonly loras?: readonly LoraFile[];
  /** LoRAs to merge into the expert for low noise, where there are two (Wan 2.2 A14B). A LoRA of both is given twice. */
  readonly loras2?: readonly LoraFile[];
  /** Is told lines that a person should know of what was loaded: parts of a LoRA that are left out. */
  readonly onNote?: (line: string) => void;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** All of them: an option that is none of these would be ignored. */
const LOADING: Known<FromPretrainedOptions> = {
  ...{ device: true, dtype: true, maxMemory: true, offload: true, tokenizer: true, parts: true },
  ...{ textEncoder: true, loras: true, loras2: true, onNote: true, onProgress: true, signal: true },
  ...FILES_OPTIONS,
};

/** Options of `VideoPipeline.edit`. */
export interface EditOptions
  extends Omit<GenerateOptions, Exclude<keyof GivenOptions, 'referenceImage'> | 'batch' | 'latents'> {
  /** The kind of edit, one of the pipeline's `tasks`. Default: any. */
  readonly task?: string;
}

/** A video that was made. */
export interface Generation {
  readonly prompt: string;
  readonly seed: number | bigint;
  /** 8-bit RGB, [T', H', W', 3]. */
  readonly frames: Video;
  /** Frames per second. */
  readonly fps: number;
  /** What the frames were decoded from. */
  readonly latents: Latents;
  /** Seconds that each phase took; videos made together share the first three. */
  readonly timings: Readonly<Record<Exclude<Phase, 'load'>, number>>;
  /**
   * With `cache` or `guidanceInterval`: the share of the transformer's blocks that ran, of those that run without them. Videos
   * made together share it.
   */
  readonly computed?: number;
  /** What a person should know of how the prompt was read, a line each: tokens that an encoder dropped. */
  readonly notes?: readonly string[];
}

/** A video being made: its latents are ready; its frames are decoded as they are requested, anew each time. */
export interface GenerationStream extends VideoStream, Omit<Generation, 'frames' | 'timings'> {
  readonly fps: number;
  /** Seconds that each phase took; videos made together share them. */
  readonly timings: Sampled['timings'];
}

/**
 * A pipeline: text to video, by the models of whichever family a checkpoint belongs to.
 *
 * ```ts
 * const pipeline = await VideoPipeline.fromPretrained('models/shapes-world');
 * const { frames } = await pipeline.generate('a red circle moves right on a black background', { seed: 1 });
 * const file = await encodeVideo(frames, { format: 'mp4' });
 * pipeline.dispose();
 * ```
 *
 * The same prompt, options and seed give the same frames on the same adapter. Calls wait for one another: a call made
 * within `onProgress` begins only after the call that reports the progress has ended, so do not await it there.
 */
export class VideoPipeline {
  readonly device: Device;
  /** What the checkpoint says of itself: defaults of size and sampling, example prompts. */
  readonly index: GenerationDefaults;
  /** What the checkpoint can do; other jobs are refused before anything is computed. */
  readonly jobs: readonly Job[];
  /** Kinds of edits that the checkpoint knows by name. */
  readonly tasks: readonly string[];
  readonly #models: VideoModels;
  readonly #ownsDevice: boolean;
  /** What a call leaves free goes back to the system. */
  readonly #turns = new Turns(() => this.device.trim());

  /** Use `fromPretrained`. @param ownsDevice whether `dispose` ends the device. */
  protected constructor(models: VideoModels, ownsDevice: boolean) {
    this.device = models.device;
    this.index = models.index;
    this.jobs = models.jobs;
    this.tasks = models.tasks;
    this.#models = models;
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads a checkpoint.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: Place | PartPlaces,
    options: FromPretrainedOptions = {},
  ): Promise<VideoPipeline> {
    // Loaded here, so that a page of `MovieGen` alone does not carry the other families.
    const { familyOf } = await import('./families/index.ts');
    return loaded(source, options, familyOf, (models, owns) => new VideoPipeline(models, owns));
  }

  /** Height and width of a video, in pixels, must be multiples of these. */
  get multiple(): readonly [height: number, width: number] {
    return this.#models.geometry.multiple;
  }

  /** Makes a video of a prompt, or one of each of several. @throws InputError; the signal's reason where aborted. */
  generate(prompt: string, options?: GenerateOptions): Promise<Generation>;
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<Generation[]>;
  async generate(
    prompt: string | readonly string[],
    options: GenerateOptions = {},
  ): Promise<Generation | Generation[]> {
    const several = Array.isArray(prompt);
    const made: Generation[] = [];
    for await (const one of this.generateEach(several ? prompt : [prompt as string], options)) made.push(one);
    return several ? made : made[0]!;
  }

  /** The same, each group of `batch` videos as soon as it is done. */
  async *generateEach(prompts: readonly string[], options: GenerateOptions = {}): AsyncGenerator<Generation> {
    yield* this.#collected(this.generateStreams(prompts, options));
  }

  async *#collected(streams: AsyncGenerator<GenerationStream>): AsyncGenerator<Generation> {
    for await (const stream of streams) {
      const began = performance.now();
      const { data, shape, fps } = await collectFrames(stream);
      const decode = (performance.now() - began) / 1000;
      const { prompt, seed, latents, timings, computed, notes } = stream;
      yield {
        prompt,
        seed,
        frames: { data, shape, fps },
        fps,
        latents,
        timings: { ...timings, decode },
        ...(computed !== undefined && { computed }),
        ...(notes && { notes }),
      };
    }
  }

  /**
   * The same without holding videos in memory: each comes as a stream, whose frames are decoded as they are requested. Take
   * a stream's frames before the next stream.
   *
   * ```ts
   * for await (const video of movieGen.generateStreams(['a red circle grows'], { numFrames: 256 }))
   *   await encodeVideoTo(file, video, { format: 'mp4' });
   * ```
   */
  generateStreams(
    prompts: readonly string[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationStream> {
    return this.#streams(prompts, options);
  }

  async *#streams(
    prompts: readonly string[],
    options: GenerateOptions,
    own?: OwnJob,
  ): AsyncGenerator<GenerationStream> {
    const models = this.#models;
    const request = requestOf(prompts, options, models, own);
    const { signal, onProgress } = options;
    const { numFrames, height, width, fps, given } = request;
    const said = givenNotes(given);
    const { upscale } = options;
    const enlarged = <T extends GenerationStream>(video: T): T =>
      upscale
        ? {
            ...video,
            ...larger(video, upscale, { prompt: video.prompt, seed: video.seed, signal, onProgress }),
          }
        : video;
    const empty = (async function* () {})();
    // Refused before anything is computed.
    if (upscale)
      larger({ shape: [numFrames, height, width, 3], fps, [Symbol.asyncIterator]: () => empty }, upscale);
    let taken: Awaited<ReturnType<typeof takeIn>> | undefined;
    try {
      for (let first = 0; first < request.videos.length; first += request.batch) {
        const videos = request.videos.slice(first, first + request.batch);
        const tell = async (told: GroupTold) => onProgress?.({ ...told, first, count: videos.length });
        const sampled = await this.#turns.take(async (outside) => {
          taken ??= await takeIn(models, request, outside, signal);
          return sampleGroup(models, videos, request, { ...taken, tell, signal });
        }, signal);
        for (const [i, { latents, timings, computed }] of sampled.entries()) {
          const { prompt, seed } = videos[i]!;
          const read = models
            .promptNotes(videos[i]!, request)
            .map((line) => inNameOf(own?.job ?? 'generate', line));
          const notes = [...(first === 0 && i === 0 ? said : []), ...read];
          const told = (frames: number, totalFrames: number) =>
            tell({ phase: 'decode', frames, totalFrames });
          const frames = () => this.#decodeReported(latents, { numFrames, signal, onProgress: told });
          yield enlarged({
            prompt,
            seed: plainSeed(seed),
            latents,
            timings,
            fps,
            ...(computed !== undefined && { computed }),
            ...(notes.length > 0 && { notes }),
            shape: [numFrames, height, width, 3],
            [Symbol.asyncIterator]: frames,
          });
        }
      }
    } finally {
      taken?.inputs.dispose();
    }
  }

  /**
   * Makes a video of a video as an instruction says. It has the video's rate and length, and the size of `generate`.
   *
   * ```ts
   * const { frames } = await movieGen.edit(await readVideo('in.mp4'), 'make the circle blue', { task: 'recolour' });
   * ```
   * @throws InputError
   */
  async edit(video: GivenVideo, instruction: string, options: EditOptions = {}): Promise<Generation> {
    for await (const made of this.#collected(this.editStreams(video, instruction, options))) return made;
    throw new Error('internal: an edit gave no video');
  }

  /** The same as a stream, whose frames are decoded as they are requested: the only item. */
  editStreams(
    video: GivenVideo,
    instruction: string,
    options: EditOptions = {},
  ): AsyncGenerator<GenerationStream> {
    const { task, ...rest } = options;
    return this.#streams([instruction], { ...rest, video }, { job: 'edit', task });
  }

  /**
   * Goes on from a video: the video, and what follows it, `numFrames` in all.
   * @throws InputError
   */
  async extend(video: GivenVideo, prompt: string, options: ExtendOptions): Promise<Extension> {
    const stream = this.extendStream(video, prompt, options);
    const { data, shape, fps } = await collectFrames(stream);
    return { prompt, seed: stream.seed, frames: { data, shape, fps }, fps, notes: stream.notes };
  }

  /**
   * The same as a stream: the frames of the video come first, as they are read; what follows is sampled when the last of them
   * is taken, part by part, and decoded as it is requested. It is gone through once.
   * @throws InputError at once where the options make no sense; the signal's reason while frames are taken.
   */
  extendStream(video: GivenVideo, prompt: string, options: ExtendOptions): ExtensionStream {
    return extended(this.#models, this.#turns, video, prompt, options);
  }

  /**
   * Latents of a video.
   * @param video frames of a height and width that are multiples of the autoencoder's factor (8 for Movie Gen), any number of them, as a whole or in pieces, which
   *   are asked for as they are needed
   * @throws InputError
   */
  async encode(video: FrameSource, options: EncodeOptions = {}): Promise<Latents> {
    checkOptions('encode', options, ENCODE_OPTIONS);
    const { sampleSeed, ...rest } = options;
    const seed = sampleSeed === undefined ? undefined : errorsInNameOf('encode', () => seedOf(sampleSeed));
    return this.#turns.take((outside) => {
      const source = isWhole(video) ? video : piecesOutside(piecesOf(video), outside);
      return encodeFrames(this.#models.autoencoder, source, { ...rest, seed });
    }, options.signal);
  }

  /** Frames of latents. @throws InputError */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const { autoencoder } = this.#models;
    checkOptions('decode', options, DECODE_OPTIONS);
    const numFrames = frameCount(autoencoder, latents, options.numFrames);
    return this.#turns.take(async () => {
      const parts: Frames[] = [];
      for await (const piece of decodeFrames(autoencoder, latents, { ...options, numFrames }))
        parts.push(piece);
      return joinFrames(parts);
    }, options.signal);
  }

  /**
   * The same in pieces, each as soon as it is done: memory does not grow with the number of frames.
   * @throws InputError at once; the signal's reason while frames are taken.
   */
  decodeStream(latents: Latents, options: DecodeOptions = {}): AsyncGenerator<Frames, void> {
    const { autoencoder } = this.#models;
    checkOptions('decode', options, DECODE_OPTIONS);
    const numFrames = frameCount(autoencoder, latents, options.numFrames);
    return this.#turns.each(decodeFrames(autoencoder, latents, { ...options, numFrames }), options.signal);
  }

  /** Releases the models, and the device where it was opened here. Calls that are not done reject. */
  dispose(): void {
    this.#turns.close('movieGen: this pipeline was disposed of: load it again');
    this.#models.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  async *#decodeReported(
    latents: Latents,
    options: DecodeFramesOptions & { onProgress: (frames: number, totalFrames: number) => Promise<void> },
  ): AsyncGenerator<Frames, void> {
    await options.onProgress(0, options.numFrames);
    try {
      const pieces = decodeFrames(this.#models.autoencoder, latents, options);
      yield* this.#turns.each(pieces, options.signal);
    } finally {
      this.device.trim();
    }
  }
}

/** Loads models of a kind. @see ModelFamily */
export interface Loader<Models> {
  load(device: Device, files: CheckpointFiles, options: LoadModelsOptions): Promise<Models>;
}

/** Opens a device where none is given, finds the family, loads its models. On a failure, what was opened is released. */
export async function loaded<Models, Pipeline>(
  source: Place | PartPlaces,
  options: FromPretrainedOptions,
  find: (files: CheckpointFiles, signal?: AbortSignal) => Promise<Loader<Models>>,
  make: (models: Models, ownsDevice: boolean) => Pipeline,
): Promise<Pipeline> {
  checkOptions('fromPretrained', options, LOADING);
  const {
    dtype = 'f32',
    maxMemory,
    offload,
    textEncoder,
    tokenizer,
    loras,
    loras2,
    onNote,
    signal,
    onProgress,
  } = options;
  if (offload !== undefined && maxMemory === undefined)
    throw new InputError(
      'checkpoint: offload says where streamed layers come from, and without maxMemory (--max-memory) none are streamed: give both',
    );
  signal?.throwIfAborted();
  const alone = isPartPlaces(source);
  const files = alone ? NO_FILES : openFiles(source, options);
  const parts = alone ? { ...source, ...options.parts } : options.parts;
  const device = options.device ?? (await openDevice());
  const ownsDevice = options.device === undefined;
  try {
    const family = await find(files, signal);
    const own = { textEncoder, tokenizer, parts, loras, loras2 };
    const rest = { dtype, maxMemory, offload, onNote, http: options, signal, onProgress };
    return make(await family.load(device, files, { ...own, ...rest }), ownsDevice);
  } catch (error) {
    if (ownsDevice) device.destroy();
    throw error;
  }
}

/** A video upscaled as it is made. */
function larger(
  video: VideoStream,
  { upsampler, ...options }: NonNullable<GenerateOptions['upscale']>,
  more: UpscaleOptions = {},
): VideoStream {
  return upsampler.upscaleStream(video, { ...more, ...options });
}

const plainSeed = (seed: bigint): number | bigint =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
