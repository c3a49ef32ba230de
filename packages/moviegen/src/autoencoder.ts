// An autoencoder alone: videos and images to latents and back. It is the TAE of a Movie Gen checkpoint, or a public image
// autoencoder by its own names (diffusers' `AutoencoderKL`). Not here: how it computes (@moviegen/tae), tiles (autoencode.ts).

import { parseConfig, TAE, type TAEConfig } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { checkOptions } from './arguments.ts';
import { type FilesOptions, openFiles, pathOf, readJson } from './checkpoint/files.ts';
import { bytesOf, openModel, placed } from './checkpoint/modelFiles.ts';
import { type DTypePolicy, modulePrecisions } from './checkpoint/precision.ts';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { videoAutoencoder } from './families/movieGen/autoencoder.ts';
import { parseModelIndex } from './families/movieGen/modelIndex.ts';
import {
  type DecodeOptions,
  decodeFrames,
  type EncodeOptions,
  encodeFrames,
  frameCount,
} from './generate/autoencode.ts';
import type { VideoAutoencoder } from './generate/family.ts';
import type { Latents } from './generate/latents.ts';
import { seedOf } from './generate/options.ts';
import type { LoadProgress } from './generate/progress.ts';
import { type FrameSource, type Frames, isWhole, joinFrames } from './video/frames.ts';

/** Options of `Autoencoder.fromPretrained`. */
export interface AutoencoderOptions extends FilesOptions {
  /** Where it runs; it stays the caller's. Default: a device of its own, which `dispose` ends. */
  readonly device?: Device;
  /**
   * Type of weights and activations; sums are in f32 always. Default f32. An image autoencoder whose config says
   * `force_upcast` overflows f16, and is in f32 whatever stands here.
   */
  readonly dtype?: DTypePolicy;
  /**
   * Inflates an image autoencoder: eight frames to a latent one, a frame repeated eight times on the way back, until it is
   * trained. Default: it treats each frame of a video on its own.
   */
  readonly inflate?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

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
  /** Sizes, and what its latents are shifted and scaled by. */
  readonly config: TAEConfig;
  /** Frames a second of its checkpoint's videos, where that says. */
  readonly fps: number | undefined;
  readonly #tae: TAE;
  readonly #video: VideoAutoencoder;
  readonly #ownsDevice: boolean;

  private constructor(tae: TAE, fps: number | undefined, ownsDevice: boolean) {
    this.device = tae.device;
    this.config = tae.config;
    this.fps = fps;
    this.#tae = tae;
    this.#video = videoAutoencoder(tae);
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads an autoencoder: a folder with its `config.json` and weights, or a Movie Gen checkpoint, of which only the
   * autoencoder is loaded, or a pipeline of diffusers, of which that is the folder `vae`.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: AutoencoderOptions = {},
  ): Promise<Autoencoder> {
    checkOptions('fromPretrained', options);
    const { dtype: policy = 'f32', inflate = false, signal, onProgress } = options;
    signal?.throwIfAborted();
    const checkpoint = openFiles(source, options);
    const { folder, fps } = await place(checkpoint, signal);
    const files = await openModel(checkpoint, { folder, signal });
    const ownsDevice = options.device === undefined;
    let device = options.device;
    try {
      const config = await placed(files, () => parseConfig(files.config));
      device ??= await openDevice();
      const { tae: asked } = modulePrecisions(policy, device);
      const { _class_name: kind, force_upcast: upcast } = files.config as Readonly<Record<string, unknown>>;
      const image = kind === 'AutoencoderKL';
      const dtype = image && upcast === true ? 'f32' : asked.dtype;
      const [began, totalBytes] = [performance.now(), bytesOf(files.weights)];
      const tae = await placed(files, () =>
        TAE.load(device!, files.weights, image ? { ...config, temporal: inflate } : config, {
          dtype,
          ...(signal && { signal }),
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
      return new Autoencoder(tae, fps, ownsDevice);
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

  /** Pixels along height and width for one of the latent. */
  get factor(): number {
    return this.#tae.factor;
  }

  /**
   * Latents of a video or an image, shifted and scaled as its config says.
   * @param video frames of a height and width that are multiples of {@link factor}, as a whole or in pieces, which are asked
   *   for as they are needed: memory does not grow with their number
   * @throws InputError
   */
  async encode(video: FrameSource, options: EncodeOptions = {}): Promise<Latents> {
    checkOptions('encode', options);
    isWhole(video);
    const { sampleSeed, ...rest } = options;
    const seed = sampleSeed === undefined ? undefined : seedOf(sampleSeed);
    return encodeFrames(this.#video, video, { ...rest, seed }).finally(() => this.device.trim());
  }

  /** Frames of latents. @throws InputError */
  async decode(latents: Latents, options: DecodeOptions = {}): Promise<Frames> {
    const parts: Frames[] = [];
    for await (const piece of this.decodeStream(latents, options)) parts.push(piece);
    return joinFrames(parts);
  }

  /** How many frames `decode` gives. @throws InputError where latents are not this autoencoder's, or do not hold so many. */
  frameCount(latents: Latents, numFrames?: number): number {
    return frameCount(this.#video, latents, numFrames);
  }

  /**
   * The frames of latents in pieces, each as soon as it is done: memory does not grow with their number.
   * @throws InputError at once; the signal's reason while frames are taken.
   */
  decodeStream(latents: Latents, options: DecodeOptions = {}): AsyncGenerator<Frames, void> {
    checkOptions('decode', options);
    const numFrames = this.frameCount(latents, options.numFrames);
    return decodeFrames(this.#video, latents, { ...options, numFrames });
  }

  /** Releases the weights, and the device where it was opened here. */
  dispose(): void {
    this.#tae.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }
}

/** The autoencoder's folder in a checkpoint. */
async function place(
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<{ folder: string; fps?: number }> {
  await files.check?.();
  const json = await readJson(files, '', 'model_index.json', signal);
  if (json === undefined) return { folder: '' };
  if (typeof json === 'object' && json !== null && Object.hasOwn(json, 'vae')) return { folder: 'vae' };
  const index = parseModelIndex(json, pathOf(files, '', 'model_index.json'));
  return { folder: index.tae, fps: index.video.fps };
}
