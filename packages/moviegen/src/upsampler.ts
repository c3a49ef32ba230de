// The upsampler as a pipeline of its own: a video in, a larger one out. Not here: how it computes
// (families/movieGen/upsampler.ts), its options (generate/upscale.ts).

import type { Device } from '@moviegen/tensor';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { errorsInNameOf } from './errors.ts';
import { loadUpsampler } from './families/movieGen/load.ts';
import {
  decodeUpscaled,
  encodeEnlarged,
  encodePrompt,
  paddedSize,
  sampleWindows,
  type UpsamplerModels,
  windowsOf,
} from './families/movieGen/upsampler.ts';
import type { UpsamplerIndex } from './families/movieGen/upsamplerIndex.ts';
import type { GivenVideo } from './generate/given.ts';
import type { Job } from './generate/jobs.ts';
import { piecesOutside, Turns } from './generate/turns.ts';
import { stretchNote, type UpscaleOptions, type Upscaler, upscaleRequest } from './generate/upscale.ts';
import { type FromPretrainedOptions, loaded } from './pipeline.ts';
import { collectFrames, type Frames, piecesOf, type Video, type VideoStream } from './video/frames.ts';

/**
 * Movie Gen's spatial upsampler.
 *
 * ```ts
 * const upsampler = await MovieGenUpsampler.fromPretrained('models/upsampler');
 * const large = await upsampler.upscale(await readVideo('in.mp4'), { width: 1920, height: 1080 });
 * upsampler.dispose();
 * ```
 *
 * It holds a window of the video on the device, however long the video is, and the latents of all of it on the host.
 */
export class MovieGenUpsampler implements Upscaler {
  readonly device: Device;
  /** What the checkpoint says of itself. */
  readonly index: UpsamplerIndex;
  readonly jobs: readonly Job[] = ['upscale'];
  readonly #models: UpsamplerModels;
  readonly #ownsDevice: boolean;
  readonly #turns = new Turns(() => this.device.trim());

  private constructor(models: UpsamplerModels, ownsDevice: boolean) {
    this.device = models.device;
    this.index = models.index;
    this.#models = models;
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads an upsampler.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: FromPretrainedOptions = {},
  ): Promise<MovieGenUpsampler> {
    return loaded(
      source,
      options,
      async () => ({ load: loadUpsampler }),
      (models, owns) => new MovieGenUpsampler(models, owns),
    );
  }

  /** A larger video. @throws InputError; the signal's reason where aborted. */
  async upscale(video: GivenVideo, options: UpscaleOptions = {}): Promise<Video> {
    return collectFrames(this.upscaleStream(video, options));
  }

  /**
   * The same as a stream, which is gone through once: all of the video is read and encoded first, then sampled, then each frame
   * is decoded as it is requested.
   * @throws InputError at once where the options make no sense for this video.
   */
  upscaleStream(video: GivenVideo, options: UpscaleOptions = {}): VideoStream {
    const models = this.#models;
    const request = upscaleRequest(video, options, models.index, models.patch);
    const path = errorsInNameOf('upscale', () => models.path(options));
    const { signal } = options;
    const { width, height } = request;
    const size = paddedSize(models, request);
    const turns = this.#turns;
    async function* frames(): AsyncGenerator<Frames, void> {
      const made = await turns.take(async (outside) => {
        const source = { ...video, [Symbol.asyncIterator]: () => piecesOutside(piecesOf(video), outside) };
        const stream: VideoStream = {
          shape: source.shape,
          fps: source.fps,
          [Symbol.asyncIterator]: source[Symbol.asyncIterator],
        };
        const { latents, colours } = await encodeEnlarged(models, stream, size, request, options);
        const windows = windowsOf(latents.shape, request, models.dit.config.patchSize);
        const conditions = await encodePrompt(models, request, windows.windowShape, signal);
        try {
          const made = await sampleWindows(models, latents, windows, conditions, request, path, options);
          return { latents: made, colours };
        } finally {
          conditions.dispose();
        }
      }, signal);
      yield* turns.each(decodeUpscaled(models, made.latents, size, made.colours, options), signal);
    }
    const notes = [...(('notes' in video && video.notes) || []), ...stretchNote(video, request)];
    return {
      shape: [video.shape[0], height, width, 3],
      fps: video.fps,
      ...(notes.length > 0 && { notes }),
      [Symbol.asyncIterator]: frames,
    };
  }

  /** Pixels along height and width per position of the latent. */
  get factor(): number {
    return this.#models.autoencoder.factor;
  }

  /** Releases the models, and the device where it was opened here. Calls that are not done reject. */
  dispose(): void {
    this.#turns.close('upsampler: this pipeline was disposed of: load it again');
    this.#models.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }
}
