// From a film's measures to its clips: scenes between cuts, a clip in each scene that is long enough, and the measures of a clip,
// which are those of a film of its own.

import { type Borders, borderShare, bordersOf } from './borders.ts';
import { cameraMotion } from './camera.ts';
import { cutScores, motion2Score, motionScore } from './change.ts';
import type { FilmMeasures } from './filmMeter.ts';
import type { Hash } from './hash.ts';
import { uniform } from './random.ts';

/** How clips are taken from a film. What changes them has a film read anew. */
export interface ClipOptions {
  /** Seconds of a clip. */
  readonly least: number;
  readonly most: number;
  /** A cut is where the cut score reaches this. */
  readonly cut: number;
  /** Seconds at the beginning of the file that are left out. */
  readonly skip: number;
  readonly seed: number;
}

/** Clips as the paper's sets are reported to have them; the score of a cut is FFmpeg's default, since the paper's is not known. */
export const CLIP_OPTIONS: ClipOptions = { least: 4, most: 16, cut: 10, skip: 0, seed: 0 };

/** The least length of a clip that is taken from a longer scene. [reported of the paper] */
const FROM_LONG_SCENES = 12;
/** Below this motion score a pair of frames, or a clip, is static. */
export const STATIC = 0.05;
/** From this change of hue, saturation and value on, PySceneDetect sees a cut. */
export const CONTENT_CUT = 27;
/** How many frames of a clip are hashed. */
const HASHED = 8;

/** What is measured of a clip, or of a whole film. */
export interface Measures {
  /** In seconds. */
  readonly duration: number;
  readonly frames: number;
  /** Frames per second; motion scores depend on it, and on the size. */
  readonly fps: number;
  readonly motion: number;
  readonly motion2: number;
  /** Mean length of motion vectors, in pixels at 360 rows per frame. */
  readonly vectors: number;
  /** Cuts per second by hue, saturation and value. */
  readonly jitter: number;
  /** Cuts per second by the cut score. */
  readonly cuts: number;
  /** The share of pairs of frames that are static. */
  readonly still: number;
  /** In pixels. */
  readonly borders: Borders;
  /** The widest of them, as a share of the side. */
  readonly border: number;
  /** Mean luma of sampled frames, 0 .. 255. */
  readonly brightness: number;
  /** Mean variance of the Laplacian of sampled frames. */
  readonly sharpness: number;
}

/** A clip of a film. */
export interface Clip {
  /** In seconds. */
  readonly start: number;
  readonly end: number;
  readonly measures: Measures;
  /** Of 8 frames, evenly over the clip. */
  readonly hashes: readonly Hash[];
  /** Words for the camera, where motion vectors are sure of them. */
  readonly camera?: string;
}

/** Scenes as first frames and ends (a frame's number), in order. */
export function scenesOf(
  film: FilmMeasures,
  cut: number,
): readonly (readonly [first: number, end: number])[] {
  const scores = cutScores(film.differences);
  const firsts = [0, ...scores.flatMap((score, k) => (k > 0 && score >= cut ? [k] : []))];
  return firsts.map((first, i) => [first, firsts[i + 1] ?? scores.length]);
}

/** One clip of each scene that is long enough: the whole scene, or of a long scene a part at random. */
export function clipsOf(film: FilmMeasures, options: ClipOptions): Clip[] {
  const { least, most, cut, skip, seed } = options;
  const { times, end } = film;
  const clips: Clip[] = [];
  for (const [i, [first, after]] of scenesOf(film, cut).entries()) {
    const begin = Math.max(times[first]!, skip);
    const length = (times[after] ?? end) - begin;
    if (length < least - 1e-6) continue;
    // Chance depends on the scene's number alone, so that copies of a file give the same clips.
    const shortest = Math.min(most, Math.max(least, FROM_LONG_SCENES));
    const wanted = length <= most ? length : shortest + uniform(seed, 'clip', 2 * i) * (most - shortest);
    const start = begin + uniform(seed, 'clip', 2 * i + 1) * (length - wanted);
    const from = frameAt(times, start - 1e-6);
    const to = Math.max(from + 1, frameAt(times, start + wanted - 1e-6));
    clips.push(clipOf(film, cut, from, Math.min(to, after)));
  }
  return clips;
}

/** The first frame that begins at a time or later. */
function frameAt(times: readonly number[], time: number): number {
  const found = times.findIndex((one) => one >= time);
  return found < 0 ? times.length : found;
}

function clipOf(film: FilmMeasures, cut: number, from: number, to: number): Clip {
  const start = film.times[from]!;
  const end = film.times[to] ?? film.end;
  const measures = measuresOf(film, cut, from, to);
  const moves = film.moves.slice(from + 1, to);
  const known = moves.filter((move) => move !== undefined);
  const camera = known.length === moves.length ? cameraMotion(known, measures.fps) : undefined;
  return {
    start,
    end,
    measures,
    hashes: Array.from(
      { length: HASHED },
      (_, k) => film.hashes[from + Math.floor(((k + 0.5) * (to - from)) / HASHED)]!,
    ),
    ...(camera !== undefined && { camera }),
  };
}

/** The measures of frames `from` until before `to`; without them, of the whole film. @param cut the score of a cut */
export function measuresOf(film: FilmMeasures, cut: number, from = 0, to = film.times.length): Measures {
  const duration = (film.times[to] ?? film.end) - film.times[from]!;
  const pairs = Math.max(1, to - from - 1);
  const motion = film.motion.slice(from, to);
  const count = (values: readonly number[], is: (value: number) => boolean) =>
    values.slice(from + 1, to).filter(is).length;
  const sampled = film.samples.filter(({ frame }) => frame >= from && frame < to);
  // A clip that is shorter than the sampling takes the sample before it.
  const samples = sampled.length > 0 ? sampled : [film.samples.findLast(({ frame }) => frame <= from)!];
  const borders = bordersOf(samples.map(({ lines }) => lines));
  return {
    duration: rounded(duration),
    frames: to - from,
    fps: rounded((to - from) / duration),
    motion: rounded(motionScore(motion)),
    motion2: rounded(motion2Score(motion)),
    vectors: rounded(mean(film.vectors.slice(from + 1, to))),
    jitter: rounded(count(film.content, (change) => change >= CONTENT_CUT) / duration),
    cuts: rounded(
      cutScores(film.differences.slice(from, to)).filter((score, k) => k > 0 && score >= cut).length /
        duration,
    ),
    still: rounded(count(film.motion, (score) => score < STATIC) / pairs),
    borders,
    border: rounded(borderShare(borders, film.height, film.width)),
    brightness: rounded(mean(samples.map(({ brightness }) => brightness))),
    sharpness: rounded(mean(samples.map(({ sharpness }) => sharpness))),
  };
}

const rounded = (value: number): number => Number(value.toPrecision(7));
const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
