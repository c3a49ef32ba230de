// The options of `generate`, their defaults, and the checks that answer a wrong one with one line. The checked request itself
// is in request.ts.

import { checkOptions, checkText, type Known } from '../arguments.ts';
import { errorsInNameOf, InputError, shown } from '../errors.ts';
import { framesAt } from '../video/fit.ts';
import { type Given, type GivenOptions, givenOf, jobOf } from './given.ts';
import { checkTask, type Job } from './jobs.ts';
import { checkLatents, type Latents } from './latents.ts';
import type { OnProgress } from './progress.ts';
import { checkHeld, type PromptStates, statesByText } from './promptStates.ts';
import {
  type GenerationRequest,
  type Geometry,
  GUIDANCES,
  type Guidance,
  type RequestedVideo,
  type RequestRules,
  type SamplingChoice,
} from './request.ts';
import type { UpscaleOptions, Upscaler } from './upscale.ts';
import { integer, oneOf, seedOf } from './values.ts';

/** Options of `VideoPipeline.generate`. Options that are left out have the checkpoint's defaults. */
export interface GenerateOptions extends SamplingChoice, GivenOptions {
  /** What the video should not show; takes the place of the null prompt. One for all prompts, or one per prompt. */
  readonly negativePrompt?: string | readonly string[];
  /** 0 .. 2^64 - 1. A single seed is the first prompt's, and counts up from there; or one per prompt. Default 0. */
  readonly seed?: number | bigint | readonly (number | bigint)[];
  /** g of `u = u_null + g (u_text - u_null)`; 1 samples without guidance, in half the time. */
  readonly guidanceScale?: number;
  /** The same for the second of two transformers (Wan 2.2 A14B). Default: `guidanceScale` where it is given, else the checkpoint's. */
  readonly guidanceScale2?: number;
  /**
   * With pictures, or a video with a mask: g_v of `u = u(0, 0) + g_v (u(v, 0) - u(0, 0)) + g (u(v, text) - u(v, 0))`. Default 1,
   * which needs no third branch.
   */
  readonly videoGuidanceScale?: number;
  /**
   * With `referenceImage`: r of `u = u(0, 0) + r (u(p, 0) - u(0, 0)) + g (u(p, text) - u(p, 0))`, p the picture. Default: the
   * same as g, which needs no third branch.
   */
  readonly referenceGuidanceScale?: number;
  /** Default: `batched`, or `sequential` if the activations of a batch are large. */
  readonly guidance?: Guidance;
  /**
   * Runs only the first block of the transformer at steps where what it adds has hardly changed: its relative change, below
   * which the others are left out and what they added last is added again. 0.1 is usual; 0, the default, is off.
   */
  readonly cache?: number;
  /**
   * Guidance is computed only between these shares of the steps: [0.1, 0.9] leaves out the first and the last tenth, where only
   * the prompt's branch is computed, in half the time. The branches are then computed one after the other. Default [0, 1].
   */
  readonly guidanceInterval?: readonly [start: number, end: number];
  /** Pixels; multiples of what the models require: 16 for Movie Gen. */
  readonly width?: number;
  readonly height?: number;
  readonly numFrames?: number;
  /** Frames per second: the text encoders are told, and the result has this rate. */
  readonly fps?: number;
  /** Prompts sampled together. Default 1. */
  readonly batch?: number;
  /**
   * States of the prompts and negative prompts, by `encodePrompt` or `readPromptStates`: nothing is encoded then. Of Wan. The
   * negative prompt is then, unless it is given, that of the first of them.
   */
  readonly promptStates?: PromptStates | readonly PromptStates[];
  /** Starts from this noise instead of the seed's: [C, T, H, W], one per prompt. */
  readonly latents?: Latents | readonly Latents[];
  /** Makes the result larger, with an upsampler that the caller has loaded. Its prompt and its seed are the video's. */
  readonly upscale?: Omit<UpscaleOptions, 'onProgress' | 'signal'> & { readonly upsampler: Upscaler };
  readonly onProgress?: OnProgress;
  /** Stops within a step: `generate` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** All of them: an option that is none of these would be ignored. */
const OPTIONS: Known<GenerateOptions> = {
  ...{ negativePrompt: true, seed: true, width: true, height: true, numFrames: true, fps: true, batch: true },
  ...{ steps: true, schedule: true, solver: true, shift: true, cache: true },
  ...{ guidance: true, guidanceInterval: true, guidanceScale: true, guidanceScale2: true },
  ...{ videoGuidanceScale: true, referenceGuidanceScale: true },
  ...{ video: true, strength: true, image: true, lastImage: true, mask: true, referenceImage: true },
  ...{ promptStates: true, latents: true, upscale: true, onProgress: true, signal: true },
};

/** What only some methods of the pipeline ask for. */
export interface OwnJob extends Pick<Given, 'before' | 'task'> {
  readonly job: Job;
}

/** Checks options and fills in defaults. @param own a job that options do not name. @throws InputError naming the first option that makes no sense. */
export function requestOf(
  prompts: readonly string[],
  options: GenerateOptions,
  rules: RequestRules,
  own?: OwnJob,
): GenerationRequest {
  const op = own?.job ?? 'generate';
  return errorsInNameOf(op, () => checked(op, prompts, options, rules, own));
}

function checked(
  op: string,
  prompts: readonly string[],
  options: GenerateOptions,
  { index, geometry, sampling, jobs, tasks, promptStates }: RequestRules,
  own: OwnJob | undefined,
): GenerationRequest {
  checkOptions(op, options, OPTIONS);
  const job = jobOf(op, options, jobs, own?.job);
  checkTask(op, own?.task, tasks);
  const { sampler, video } = index;
  const picture =
    options.width === undefined && options.height === undefined
      ? (options.image ?? options.lastImage)
      : undefined;
  const usual = picture === undefined ? video : sizeOf(picture.shape, video, geometry.multiple);
  const width = integer('width', options.width ?? usual.width, 1);
  const height = integer('height', options.height ?? usual.height, 1);
  for (const [name, value, multiple] of [
    ['width', width, geometry.multiple[1]],
    ['height', height, geometry.multiple[0]],
  ] as const)
    if (value % multiple !== 0)
      throw new InputError(
        `generate: ${name} must be a multiple of ${multiple}, got ${value}; the nearest are ${nearest(value, multiple)}`,
      );
  const whole = job === 'edit' ? options.video : undefined; // an edit has the length and the rate of its video
  const fps = options.fps ?? whole?.fps ?? video.fps;
  if (!(Number.isFinite(fps) && fps > 0))
    throw new InputError(`generate: fps must be a number above 0, got ${shown(fps)}`);
  const there = options.video ? framesAt(options.video, fps) : video.numFrames;
  const most = whole ? there : geometry.framesWithin(Math.min(there, video.numFrames));
  const numFrames = integer('numFrames', options.numFrames ?? most, 1);
  const longest = Math.max(geometry.maxFrames, video.numFrames);
  if (whole && numFrames > longest)
    throw new InputError(
      `edit: the video has ${numFrames} frames at ${fps} a second, longer than the ${longest} that this checkpoint is ` +
        'trained on; give numFrames, or a lower fps',
    );
  const guidanceScale = options.guidanceScale ?? sampler.guidanceScale;
  if (!Number.isFinite(guidanceScale))
    throw new InputError(`generate: guidanceScale must be a finite number, got ${shown(guidanceScale)}`);
  const { videoGuidanceScale = 1, guidanceScale2 } = options;
  if (guidanceScale2 !== undefined && sampler.guidanceScale2 === undefined)
    throw new InputError('generate: guidanceScale2 is of a second transformer, and this model has one');
  if (guidanceScale2 !== undefined && !Number.isFinite(guidanceScale2))
    throw new InputError(`generate: guidanceScale2 must be a finite number, got ${shown(guidanceScale2)}`);
  if (!Number.isFinite(videoGuidanceScale))
    throw new InputError(
      `generate: videoGuidanceScale must be a finite number, got ${shown(videoGuidanceScale)}`,
    );
  if (videoGuidanceScale !== 1 && (job === 'text' || job === 'video' || job === 'reference'))
    throw new InputError(
      'generate: videoGuidanceScale is for what is shown to the model: pictures, or a video with a mask',
    );
  checkReferenceScale(op, options);
  const { cache = 0 } = options;
  if (!(Number.isFinite(cache) && cache >= 0))
    throw new InputError(`generate: cache must be a number from 0, about 0.1, got ${shown(cache)}`);
  const guidanceInterval = intervalOf(options);
  const latentShape = geometry.latentShape(numFrames, height, width);
  const given = { ...givenOf(job, options, { width, height, numFrames, fps }), ...own };
  const states = statesByText(options.promptStates, promptStates);
  const negativePrompt =
    options.negativePrompt ?? [options.promptStates ?? []].flat()[0]?.negativePrompt.text;
  const videos = videosOf(prompts, { ...options, negativePrompt: negativePrompt ?? '' }, latentShape);
  const guided = guidanceScale > 1 || (guidanceScale2 ?? 1) > 1;
  for (const { prompt, negativePrompt } of states ? videos : []) {
    checkHeld(states!, prompt, 'prompt');
    if (guided) checkHeld(states!, negativePrompt, 'negative prompt');
  }
  return {
    videos,
    states,
    guidance: guidanceOf(options, guidanceInterval),
    cache,
    guidanceInterval,
    guidanceScale,
    // As in diffusers: what is said of one expert is said of both.
    guidanceScale2: guidanceScale2 ?? options.guidanceScale ?? sampler.guidanceScale2,
    width,
    height,
    numFrames,
    latentShape,
    fps,
    batch: integer('batch', options.batch ?? 1, 1),
    path: sampling.path(options).from(given.strength ?? 1),
    given,
    videoGuidanceScale,
    referenceGuidanceScale: options.referenceGuidanceScale,
  };
}

/** @throws InputError */
function checkReferenceScale(op: string, options: GenerateOptions): void {
  const { referenceGuidanceScale: scale, referenceImage, videoGuidanceScale = 1 } = options;
  if (scale === undefined) return;
  if (!Number.isFinite(scale))
    throw new InputError(`${op}: referenceGuidanceScale must be a finite number, got ${shown(scale)}`);
  if (referenceImage === undefined)
    throw new InputError(`${op}: referenceGuidanceScale is for a reference: give referenceImage too`);
  if (videoGuidanceScale !== 1)
    throw new InputError(`${op}: give videoGuidanceScale or referenceGuidanceScale, not both`);
}

/** Where guidance is computed. @throws InputError */
function intervalOf({ guidanceInterval = [0, 1] }: GenerateOptions): readonly [number, number] {
  const [start = Number.NaN, end = Number.NaN, ...more] = Array.isArray(guidanceInterval)
    ? (guidanceInterval as readonly number[])
    : [];
  if (more.length === 0 && start >= 0 && start < end && end <= 1) return [start, end];
  throw new InputError(
    `generate: guidanceInterval must be two rising shares of the steps from 0 to 1, such as [0.1, 0.9], got ${shown(guidanceInterval)}`,
  );
}

/** How the branches are computed. Where one of them is left out at times, they are apart. @throws InputError */
function guidanceOf({ guidance }: GenerateOptions, [start, end]: readonly [number, number]) {
  const chosen = guidance && oneOf('guidance', guidance, GUIDANCES);
  if (start === 0 && end === 1) return chosen;
  if (chosen === 'batched')
    throw new InputError(
      'generate: with guidanceInterval the branches of guidance are sequential: leave guidance out',
    );
  return 'sequential';
}

/** The multiples around a size. */
const nearest = (value: number, multiple: number): string => {
  const below = Math.floor(value / multiple) * multiple;
  return below === 0 ? `${multiple}` : `${below} and ${below + multiple}`;
};
/** The size nearest to a picture's shape at the usual area: multiples of what the models require. */
function sizeOf(
  [, H, W]: readonly [number, number, number, number],
  usual: { readonly width: number; readonly height: number },
  [multipleH, multipleW]: Geometry['multiple'],
): { width: number; height: number } {
  const area = usual.width * usual.height;
  const near = (length: number, multiple: number) => Math.max(1, Math.round(length / multiple)) * multiple;
  const height = Math.sqrt((area * H) / W);
  const width = Math.sqrt((area * W) / H);
  // A picture that is far longer than wide has the least width, and no more than the usual area.
  return {
    width: near(Math.min(width, area / multipleH), multipleW),
    height: near(Math.min(height, area / multipleW), multipleH),
  };
}

function videosOf(
  prompts: readonly string[],
  { negativePrompt = '', seed = 0, latents }: GenerateOptions,
  shape: readonly number[],
): RequestedVideo[] {
  if (!Array.isArray(prompts))
    throw new InputError(`generate: prompts must be an array of texts, got ${shown(prompts)}`);
  if (prompts.length === 0) throw new InputError('generate: there is no prompt');
  const each = <T>(name: string, given: T | readonly T[], one: (value: T, i: number) => T): T[] => {
    if (!Array.isArray(given)) return prompts.map((_, i) => one(given as T, i));
    if (given.length === prompts.length) return [...given];
    throw new InputError(`generate: got ${given.length} of ${name} for ${prompts.length} prompts`);
  };
  const seeds = each('seed', seed, (first, i) => (i === 0 ? first : seedOf(first) + BigInt(i)));
  const negatives = each('negativePrompt', negativePrompt, (text) => text);
  for (const text of negatives) checkText('generate: negativePrompt', text);
  const noises = each<Latents | undefined>('latents', latents, (value) => value);
  return prompts.map((prompt, i) => {
    const which = prompts.length > 1 ? ` (number ${i + 1})` : '';
    checkText(`generate: the prompt${which}`, prompt);
    if (prompt.trim() === '') throw new InputError(`generate: the prompt is empty${which}`);
    const noise = noises[i];
    if (noise !== undefined) checkLatents('generate', noise);
    if (noise !== undefined && noise.shape.join() !== shape.join())
      throw new InputError(
        `generate: latents must be [${shape.join(', ')}] for this size, got [${noise.shape.join(', ')}]`,
      );
    return { prompt, negativePrompt: negatives[i]!, seed: seedOf(seeds[i]!), noise };
  });
}
