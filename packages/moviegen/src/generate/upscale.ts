// Upscaling as callers ask for it: its options, their checks, its progress. What computes is in families/movieGen/upsampler.ts.

import { checkOptions, checkText, type Known } from '../arguments.ts';
import { errorsInNameOf, InputError, shown } from '../errors.ts';
import { checkFps, type VideoStream } from '../video/frames.ts';
import { checkGiven, type GivenVideo } from './given.ts';
import type { UpscaleProgress } from './progress.ts';
import type { SamplingChoice } from './request.ts';
import { integer, seedOf } from './values.ts';

/** Options of upscaling. Options that are left out have the checkpoint's defaults. */
export interface UpscaleOptions extends SamplingChoice {
  /** How many times as wide and high the result is; or give its size. Default: the checkpoint's, 2. */
  readonly scale?: number;
  /** Pixels of the result; where one of them is given, the other one follows. */
  readonly width?: number;
  readonly height?: number;
  /** What the video shows. Default: nothing. */
  readonly prompt?: string;
  readonly negativePrompt?: string;
  readonly seed?: number | bigint;
  /** g of guidance; 1, without guidance, is the default of most upsamplers. */
  readonly guidanceScale?: number;
  /** Frames of a window, and how many of them neighbours share. */
  readonly window?: { readonly frames: number; readonly overlap: number };
  /** Latents along height and width of a tile, and how many of them neighbours share; `none`: whole frames. */
  readonly tile?: { readonly size: number; readonly overlap: number } | 'none';
  /** Gives each frame the mean and spread of colours of the frame that it is made of. Default false. */
  readonly colorMatch?: boolean;
  readonly onProgress?: (progress: UpscaleProgress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

const OPTIONS: Known<UpscaleOptions> = {
  ...{ scale: true, width: true, height: true, prompt: true, negativePrompt: true, seed: true },
  ...{ steps: true, schedule: true, solver: true, shift: true, guidanceScale: true },
  ...{ window: true, tile: true, colorMatch: true, onProgress: true, signal: true },
};

/** Something that upscales videos. */
export interface Upscaler {
  /**
   * A larger video as a stream. It is gone through once, and all work is done while its frames are taken.
   * @throws InputError at once where the options make no sense for a video of this shape.
   */
  upscaleStream(video: GivenVideo, options?: UpscaleOptions): VideoStream;
}

/** What an upsampler says of itself. */
export interface UpscaleDefaults {
  readonly scale: number;
  readonly window: { readonly frames: number; readonly overlap: number };
  readonly tile: { readonly size: number; readonly overlap: number } | 'none';
  readonly sampler: { readonly steps: number; readonly guidanceScale: number };
}

/** Checked and complete options. */
export interface UpscaleRequest {
  /** The video's: the text encoders are told. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: bigint;
  readonly guidanceScale: number;
  readonly window: UpscaleDefaults['window'];
  readonly tile: UpscaleDefaults['tile'];
  readonly colorMatch: boolean;
}

/** Pixels of the largest frame: its floats still fit into one array. */
const MOST_PIXELS = 2 ** 28;

/** Checks options and fills in defaults. @param patch latents of a token along height and width @throws InputError */
export function upscaleRequest(
  video: GivenVideo,
  options: UpscaleOptions,
  defaults: UpscaleDefaults,
  patch: number,
): UpscaleRequest {
  checkOptions('upscale', options, OPTIONS);
  return errorsInNameOf('upscale', () => checked(video, options, defaults, patch));
}

function checked(
  video: GivenVideo,
  options: UpscaleOptions,
  defaults: UpscaleDefaults,
  patch: number,
): UpscaleRequest {
  checkGiven('upscale: video', video);
  checkFps(video);
  const { prompt = '', negativePrompt = '', seed = 0, colorMatch = false } = options;
  checkText('upscale: the prompt', prompt);
  checkText('upscale: negativePrompt', negativePrompt);
  const guidanceScale = options.guidanceScale ?? defaults.sampler.guidanceScale;
  if (!Number.isFinite(guidanceScale))
    throw new InputError(`upscale: guidanceScale must be a finite number, got ${shown(guidanceScale)}`);
  const { window = defaults.window, tile = defaults.tile } = options;
  checkWindow('window', window.frames, window.overlap, 1);
  if (tile !== 'none') checkWindow('tile', tile.size, tile.overlap, patch);
  return {
    ...sizeOf(video, options, defaults.scale),
    fps: video.fps,
    prompt,
    negativePrompt,
    seed: seedOf(seed),
    guidanceScale,
    window,
    tile,
    colorMatch,
  };
}

function checkWindow(name: string, size: number, overlap: number, multiple: number): void {
  const whole = (value: number) => Number.isSafeInteger(value) && value % multiple === 0;
  if (whole(size) && whole(overlap) && 0 <= overlap && overlap < size) return;
  const of = multiple === 1 ? 'integers' : `multiples of ${multiple}`;
  throw new InputError(
    `upscale: ${name} of ${shown(size)} that share ${shown(overlap)} must be ${of}, 0 <= overlap < size`,
  );
}

/** A line where the shape of the result is not that of the video, whose pictures are then stretched; rounding is no such thing. */
export function stretchNote(
  { shape: [, H, W] }: GivenVideo,
  { width, height }: Pick<UpscaleRequest, 'width' | 'height'>,
): string[] {
  const apart = Math.abs(width - (W * height) / H);
  return apart <= 1 || Math.abs(height - (H * width) / W) <= 1
    ? []
    : [`upscale: ${W}x${H} is stretched to ${width}x${height}, which has another shape`];
}

/** The size of the result. */
function sizeOf(
  { shape: [, H, W] }: GivenVideo,
  { scale, width, height }: UpscaleOptions,
  usual: number,
): { width: number; height: number } {
  const sized = width !== undefined || height !== undefined;
  if (scale !== undefined && sized)
    throw new InputError('upscale: give a scale, or a width and height, not both');
  const times = scale ?? usual;
  if (!sized && !(Number.isFinite(times) && times >= 1))
    throw new InputError(`upscale: scale must be a number of at least 1, got ${shown(times)}`);
  const w = width ?? Math.round(height === undefined ? W * times : (W * height) / H);
  const h = height ?? Math.round(width === undefined ? H * times : (H * width) / W);
  const size = { width: integer('width', w, 1), height: integer('height', h, 1) };
  if (size.width < W || size.height < H)
    throw new InputError(
      `upscale: ${w}x${h} is smaller than the video, which is ${W}x${H}: upscaling only enlarges`,
    );
  if (w * h > MOST_PIXELS)
    throw new InputError(
      `upscale: ${w}x${h} has ${w * h} pixels a frame, and at most ${MOST_PIXELS} can be made: choose a smaller size`,
    );
  return size;
}
