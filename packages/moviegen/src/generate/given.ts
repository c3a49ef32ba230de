// What a call gives besides its prompts: pictures, videos, masks, a task. Checked here against what a checkpoint can do, and
// fitted to the size and rate of the request; nothing is computed. How models take it in is the family's matter.

import { isObject } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';
import { fitted } from '../video/fit.ts';
import {
  checkFps,
  checkFrames,
  type Frames,
  isWhole,
  type Video,
  type VideoStream,
} from '../video/frames.ts';
import { checkJob, type Job } from './jobs.ts';
import type { Latents } from './latents.ts';

/** A video as callers give it: whole, or a stream that knows its shape and rate. */
export type GivenVideo = Video | VideoStream;
/** A picture as callers give it: frames, of which the first one counts. */
export type GivenPicture = Frames | VideoStream;

/** Options that say what a video is made of, besides its prompt. */
export interface GivenOptions {
  /** A video to start from, at any size and rate: resized to cover, cut to its centre, resampled to `fps`. */
  readonly video?: GivenVideo;
  /**
   * How much of `video` is made anew: above 0, where all of it stays, up to 1, where none does. Default 0.8. Every checkpoint
   * can do it.
   */
  readonly strength?: number;
  /** The first frame. */
  readonly image?: GivenPicture;
  /** The last frame. */
  readonly lastImage?: GivenPicture;
  /** Which pixels of `video` are kept, white, and which are made, black: one picture for all frames, or a video. */
  readonly mask?: GivenPicture | GivenVideo;
  /**
   * A picture of what the video shall show, in its own scene: an object, a face. It is read as words are, at any size; the model
   * prepares it. It goes with the others where the checkpoint can do both.
   */
  readonly referenceImage?: GivenPicture;
}

/** What a request gives besides its prompts. Frames have the request's size and rate; a stream is gone through once. */
export interface Given {
  readonly job: Job;
  /** Of one frame each. */
  readonly image?: VideoStream | undefined;
  readonly lastImage?: VideoStream | undefined;
  readonly video?: VideoStream | undefined;
  /** Of one frame, or as long as the video. */
  readonly mask?: VideoStream | undefined;
  /** A picture of what is to be shown, at its own size. */
  readonly reference?: VideoStream | undefined;
  /** The share of noise that a video is started from; undefined where it is not started from. */
  readonly strength?: number | undefined;
  /** The first latent frames, of a video that is gone on from. */
  readonly before?: Latents | undefined;
  /** The kind of edit; undefined where the caller does not name it. */
  readonly task?: string | undefined;
}

/** Which job options ask for, unless it is the caller's own. @throws InputError where they contradict one another, or the checkpoint cannot do it */
export function jobOf(op: string, options: GivenOptions, jobs: readonly Job[], own?: Job): Job {
  const { video, strength, image, lastImage, mask, referenceImage } = options;
  for (const [name, value] of Object.entries({ video, image, lastImage, mask, referenceImage }))
    if (value !== undefined) checkGiven(`${op}: ${name}`, value);
  const pictures = image !== undefined || lastImage !== undefined;
  if (pictures && video !== undefined)
    throw new InputError(`${op}: give a video, or pictures of its first and last frame, not both`);
  if (mask !== undefined && video === undefined)
    throw new InputError(`${op}: a mask says what is kept of a video: give the video too`);
  if (strength !== undefined && (video === undefined || mask !== undefined))
    throw new InputError(`${op}: strength is for a video to start from, without a mask`);
  if (strength !== undefined && !(strength > 0 && strength <= 1))
    throw new InputError(`${op}: strength must be above 0 and at most 1, got ${shown(strength)}`);
  const wanted: Job[] = [
    ...(own === undefined ? [] : [own]),
    ...(image === undefined ? [] : ['image' as const]),
    ...(lastImage === undefined ? [] : ['lastImage' as const]),
  ];
  if (wanted.length === 0 && video !== undefined) wanted.push(mask !== undefined ? 'mask' : 'video');
  if (referenceImage !== undefined) wanted.push('reference');
  if (wanted.length === 0) wanted.push('text');
  for (const job of wanted) checkJob(op, job, jobs);
  return wanted[0]!;
}

/** What is given, fitted to a size. @throws InputError where a video is too short */
export function givenOf(
  job: Job,
  { video, strength = 0.8, image, lastImage, mask, referenceImage }: GivenOptions,
  size: { readonly width: number; readonly height: number; readonly numFrames: number; readonly fps: number },
): Given {
  const { numFrames, fps, ...frame } = size;
  const picture = (name: string, given: GivenPicture | undefined) =>
    given && fitted(streamOf(given, fps), { ...frame, name, numFrames: 1 });
  const still = mask !== undefined && mask.shape[0] === 1;
  return {
    job,
    image: picture('image', image),
    lastImage: picture('lastImage', lastImage),
    video: video && fitted(video, { ...size, name: 'video' }),
    mask: still
      ? picture('mask', mask)
      : mask && fitted(streamOf(mask, fps), { ...size, name: 'mask', filter: 'bilinear' }),
    reference: referenceImage && streamOf(referenceImage, fps),
    strength: job === 'video' ? strength : undefined,
  };
}

/** Lines that a person should see of how what was given has been read. */
export const givenNotes = ({ video, image, lastImage, mask, reference }: Given): string[] =>
  [video, image, lastImage, mask, reference].flatMap((stream) => stream?.notes ?? []);

/** Frames as a stream, with a rate where they have none. */
const streamOf = (given: GivenPicture | GivenVideo, fps: number): VideoStream => ({
  shape: given.shape,
  fps: 'fps' in given ? given.fps : fps,
  notes: 'notes' in given ? (given.notes ?? []) : [],
  async *[Symbol.asyncIterator]() {
    if ('data' in given) yield given;
    else yield* given;
  },
});

/** @throws InputError where something is neither frames nor a stream of them. */
export function checkGiven(what: string, given: GivenPicture | GivenVideo): void {
  if (!isObject(given) || !('shape' in given))
    throw new InputError(
      `${what}: expected frames { data, shape, fps }, or a stream of them, got ${shown(given)}`,
    );
  if (isWhole(given as VideoStream)) checkFrames(given as Frames);
  if ('fps' in given) checkFps(given);
}
