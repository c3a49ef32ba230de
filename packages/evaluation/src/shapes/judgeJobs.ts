// Says whether a job was done in shapes world: the changed fact as asked, every other fact kept, the seam unseen. It rests on
// the judge of a clip (judge.ts), and gives the verdicts of reference/moviegen_reference/judge_jobs.py. The fixed samples are in
// jobSamples.ts.

import type { Clip } from '../clip.ts';
import { ByteErrors } from '../measures/byteErrors.ts';
import type { JobSample } from './jobSamples.ts';
import { judge, look, type Verdict } from './judge.ts';
import { mean } from './measure.ts';
import { type Background, draw, drawEmpty, FRAMES, objectCovers, SIZE } from './world.ts';

/** Frames of an extended clip, of which the first `FRAMES` are given. */
export const EXTENDED_FRAMES = 48;
/** Pixels around an object that do not count as outside. */
const MARGIN = 3;

/** Of a picture that began to move. */
export interface ImageVerdict extends Verdict {
  /** PSNR of frame 0 against the picture, in dB. */
  readonly firstFrame: number;
}

/** Of a clip that went on. */
export interface ExtensionVerdict extends Verdict {
  /** Whether colour and shape are right in the last 16 frames, looked at alone. `right` says that of the whole too. */
  readonly end: boolean;
  /** The flicker where the given part ends, over the flicker elsewhere. */
  readonly seam: number;
}

/** Of a clip that was edited. */
export interface EditVerdict {
  /** Whether the changed fact is as asked and all others are kept. */
  readonly right: boolean;
  /** PSNR against the given clip where neither the old nor the new object is, in dB; undefined where the background changes. */
  readonly outside: number | undefined;
  /** The facts that are seen; undefined where nothing should be there. */
  readonly verdict: Verdict | undefined;
}

/** The frames that a job is given: one for `image`, 16 for the others. */
export function givenClip(job: 'image' | 'extend' | 'edit', { before, after, offset }: JobSample): Clip {
  if (job === 'edit') return before === undefined ? drawEmpty(after!.background) : draw(before, offset);
  const whole = draw(after!, offset, job === 'extend' ? EXTENDED_FRAMES : FRAMES);
  return frames(whole, 0, job === 'image' ? 1 : FRAMES);
}

/** Judges a video that was made of a picture and a prompt of the motion alone. */
export function judgeImage(video: Clip, sample: JobSample): ImageVerdict {
  const errors = new ByteErrors();
  errors.add(frames(video, 0, 1).data, givenClip('image', sample).data);
  return { ...judge(video, sample.after!), firstFrame: errors.psnr() };
}

/** Judges a whole video whose first 16 frames were given. */
export function judgeExtension(video: Clip, { after }: JobSample): ExtensionVerdict {
  const verdict = judge(video, after!);
  const { seen } = look(frames(video, video.shape[0] - FRAMES, video.shape[0]));
  const end = seen.colour === after!.colour && seen.shape === after!.shape;
  const changes = flicker(video); // number i is about frame i + 1
  const isSeam = (i: number) => i === FRAMES - 2 || i === FRAMES - 1;
  const inside = mean(changes.filter((_, i) => !isSeam(i)));
  const seam = mean(changes.filter((_, i) => isSeam(i))) / Math.max(inside, 1e-6);
  return { ...verdict, right: verdict.right && end, end, seam };
}

/** Judges a clip that was edited by an instruction. */
export function judgeEdit(video: Clip, sample: JobSample): EditVerdict {
  const { before, after, offset, task } = sample;
  const verdict = after && judge(video, after);
  const right = verdict ? verdict.right && verdict.size !== false : showsNothing(video, before!.background);
  if (task === 'background') return { right, outside: undefined, verdict };
  const given = givenClip('edit', sample);
  const covers = [before, after].flatMap((facts) => (facts ? [objectCovers(facts, offset, MARGIN)] : []));
  const at: number[] = [];
  for (let k = 0; k < FRAMES; k++)
    for (let i = 0; i < SIZE * SIZE; i++)
      if (covers.every((cover) => cover[k]![i] === 0)) at.push(k * SIZE * SIZE + i);
  const pixels = ({ data }: Clip) => at.flatMap((pixel) => [...data.subarray(pixel * 3, pixel * 3 + 3)]);
  const errors = new ByteErrors();
  errors.add(pixels(video), pixels(given));
  return { right, outside: errors.psnr(), verdict };
}

function showsNothing(video: Clip, background: Background): boolean {
  const { seen, measures } = look(video);
  return seen.background === background && (seen.colour === undefined || (measures.frames_seen ?? 0) < 0.2);
}

/** Mean absolute second difference in time of each frame that has two neighbours. */
export function flicker({ data, shape: [T, H, W] }: Clip): number[] {
  const size = H * W * 3;
  return Array.from({ length: T - 2 }, (_, i) => {
    let sum = 0;
    for (let at = i * size; at < (i + 1) * size; at++)
      sum += Math.abs(data[at]! - 2 * data[at + size]! + data[at + 2 * size]!);
    return sum / size;
  });
}

const frames = ({ data, shape: [, H, W] }: Clip, start: number, end: number): Clip => ({
  data: data.slice(start * H * W * 3, end * H * W * 3),
  shape: [end - start, H, W, 3],
});
