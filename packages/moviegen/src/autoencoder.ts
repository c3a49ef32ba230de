// An autoencoder alone: videos and images to latents and back. It is the TAE of a Movie Gen checkpoint, or a public image
// autoencoder as its own library saves it (diffusers' `AutoencoderKL`). Not here: how it computes (@moviegen/tae), tiles (generate/autoencode.ts).

import { inferConfig, isImageConfig, parseConfig, TAE, type TAEConfig } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { checkOptions, type Known } from './arguments.ts';
import { type FilesOptions, openFiles, pathOf, readJson } from './checkpoint/files.ts';
import { bytesOf, type ModelFiles, openModel, placed } from './checkpoint/modelFiles.ts';
import { autoencoderPrecision, type DTypePolicy, modulePrecisions } from './checkpoint/precision.ts';
import { fileOf, openSingle } from './checkpoint/singleFile.ts';
import { type CheckpointFiles, FILES_OPTIONS } from './checkpointFiles.ts';
import { errorsInNameOf } from './errors.ts';
import { videoAutoencoder } from './families/movieGen/autoencoder.ts';
import { parseModelIndex } from './families/movieGen/modelIndex.ts';
import {
  DECODE_OPTIONS,
  type DecodeOptions,
  decodeFrames,
  ENCODE_OPTIONS,
  type EncodeOptions,
  encodeFrames,
  frameCount,
} from './generate/autoencode.ts';
import type { VideoAutoencoder } from './generate/family.ts';
import type { Latents } from './generate/latents.ts';
import type { LoadProgress } from './generate/progress.ts';
import { seedOf } from './generate/values.ts';
import { type FrameSource, type Frames, isWhole, joinFrames } from './video/frames.ts';

/** Options of `Autoencoder.fromPretrained`. */
export interface AutoencoderOptions extends FilesOptions {
  /** The device; the caller keeps it. Default: a new one, which `dispose` destroys. */
  readonly device?: Device;
  /**
   * Type of weights and activations; sums are in f32 always. Default f32. An image autoencoder whose config says
   * `force_upcast` overflows f16, and is always in f32.
   */
  readonly dtype?: DTypePolicy;
  /**
   * Inflates an image autoencoder: a latent frame stands for eight frames, which decode to the same picture until the
   * autoencoder is trained further. Default: it treats each frame of a video on its own.
   */
  readonly inflate?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

const LOADING: Known<AutoencoderOptions> = {
  ...{ device: true, dtype: true, inflate: true, onProgress: true, signal: true },
  ...FILES_OPTIONS,
};

/**
 * An autoencoder of images and videos.
 *
 * ```ts
 * const autoencoder = await Autoencoder.fromPretrained('stable-diffusion-vae');
 * const latents = await autoencoder.encode(decodePng(bytes));          // an image is a video of one frame
 * const image = await autoencoder.decode(latents);
 * ```
 */
export class Autoencoder {
  readonly device: Device;
  /** Sizes, and the shift and scale of its latents. */
  readonly config: TAEConfig;
  /** Frames per second of its checkpoint's videos; undefined if the checkpoint does not say. */
  readonly fps: number | undefined;
  /** Lines that a person should see: what was supposed of a file without a config. */
  readonly notes: readonly string[];
  readonly #tae: TAE;
  readonly #video: VideoAutoencoder;
  readonly #ownsDevice: boolean;

  private constructor(tae: TAE, fps: number | undefined, ownsDevice: boolean, notes: readonly string[]) {
    this.notes = notes;
    this.device = tae.device;
    this.config = tae.config;
    this.fps = fps;
    this.#tae = tae;
    this.#video = videoAutoencoder(tae);
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads an autoencoder: a folder with its `config.json` and weights, or a Movie Gen checkpoint, of which only the
   * autoencoder is loaded, or a pipeline of diffusers, whose autoencoder is in the folder `vae`; or one file of Stable
   * Diffusion's autoencoder, by diffusers' or the original names, with a `config.json` beside it if the weights do not tell enough.
   * @param source a folder or a `.safetensors` file (Node), an http(s) or file: address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: AutoencoderOptions = {},
  ): Promise<Autoencoder> {
    checkOptions('fromPretrained', options, LOADING);
    const { dtype: policy = 'f32', inflate = false, signal, onProgress } = options;
    signal?.throwIfAborted();
    const { files, folder, fps, note } = await opened(source, options);
    const ownsDevice = options.device === undefined;
    let device = options.device;
    try {
      const config = await placed(files, () => parseConfig(files.config));
      device ??= await openDevice();
      const { dtype } = autoencoderPrecision(files.config, modulePrecisions(policy, device).tae);
      const image = isImageConfig(files.config);
      const [began, totalBytes] = [performance.now(), bytesOf(files.weights)];
      const tae = await placed(files, () =>
        TAE.load(device!, files.weights, image ? { ...config, temporal: inflate } : config, {
          dtype,
          signal,
          onProgress: ({ bytes }) => {
            const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
            onProgress?.({
              phase: 'load',
              model: folder || 'autoencoder',
              bytes,
              totalBytes,
              bytesPerSecond,
            });
          },
        }),
      );
      await files.verify(signal);
      return new Autoencoder(tae, fps, ownsDevice, note === undefined ? [] : [note]);
    } catch (error) {
      if (ownsDevice) device?.destroy();
      throw error;
    } finally {
      await files.close();
    }
  }

  /** Type of its weights and activations. */
  get dtype(): 'f32' | 'f16' {
    return this.#tae.dtype === 'f16' ? 'f16' : 'f32';
  }

  /** Pixels along height and width per position of the latent. */
  get factor(): number {
    return this.#tae.factor;
  }

  /**
   * Latents of a video or an image, shifted and scaled as its config says.
   * @param video frames of a height and width that are multiples of {@link factor}, as a whole or in pieces, which are
   *   requested as they are needed: memory does not grow with their number
   * @throws InputError
   */
  async encode(video: FrameSource, options: EncodeOptions = {}): Promise<Latents> {
    checkOptions('encode', options, ENCODE_OPTIONS);
    isWhole(video);
    const { sampleSeed, ...rest } = options;
    const seed = sampleSeed === undefined ? undefined : errorsInNameOf('encode', () => seedOf(sampleSeed));
    return encodeFrames(this.#video, video, { ...rest, seed }).finally(() => this.device.trim());
  }

  /** Frames of latents. @throws InputError */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const parts: Frames[] = [];
    for await (const piece of this.decodeStream(latents, options)) parts.push(piece);
    return joinFrames(parts);
  }

  /** How many frames `decode` gives. @throws InputError if the latents are not this autoencoder's, or do not hold so many frames. */
  frameCount(latents: Latents, numFrames?: number): number {
    return frameCount(this.#video, latents, numFrames);
  }

  /**
   * The frames of latents in pieces, each as soon as it is done: memory does not grow with their number.
   * @throws InputError at once; the signal's reason while frames are taken.
   */
  decodeStream(latents: Latents, options: DecodeOptions = {}): AsyncGenerator<Frames, void> {
    checkOptions('decode', options, DECODE_OPTIONS);
    const numFrames = this.frameCount(latents, options.numFrames);
    return decodeFrames(this.#video, latents, { ...options, numFrames });
  }

  /** Releases the weights, and the device where it was opened here. */
  dispose(): void {
    this.#tae.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }
}

interface Opened {
  readonly files: Pick<ModelFiles, 'path' | 'config' | 'weights' | 'verify' | 'close'>;
  readonly folder: string;
  readonly fps?: number;
  readonly note?: string;
}

/** The files of an autoencoder: one, or those of a folder. */
async function opened(source: string | URL | CheckpointFiles, options: AutoencoderOptions): Promise<Opened> {
  const { signal } = options;
  const single = fileOf(source);
  if (single === undefined) {
    const checkpoint = openFiles(source, options);
    const { folder, fps } = await place(checkpoint, signal);
    const files = await openModel(checkpoint, { folder, signal });
    return { files, folder, ...(fps !== undefined && { fps }) };
  }
  const { path, weights, config } = await openSingle(single, options, signal);
  const rest = { path, weights, verify: async () => {}, close: () => weights.close() };
  const kind = (config as Readonly<Record<string, unknown>> | undefined)?._class_name;
  if (isImageConfig(config) || kind === 'TemporalAutoencoder')
    return { files: { ...rest, config }, folder: '' };
  try {
    const inferred = await placed(rest, () => inferConfig(weights));
    return { files: { ...rest, config: inferred.config }, folder: '', note: inferred.note };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** The autoencoder's folder in a checkpoint. */
async function place(
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<{ folder: string; fps?: number }> {
  await files.check?.(signal);
  const json = await readJson(files, '', 'model_index.json', signal);
  if (json === undefined) return { folder: '' };
  if (typeof json === 'object' && json !== null && Object.hasOwn(json, 'vae')) return { folder: 'vae' };
  const index = parseModelIndex(json, pathOf(files, '', 'model_index.json'));
  return { folder: index.tae, fps: index.video.fps };
}
