// Says what a video of shapes world shows, and whether that is what its prompt says. It draws what it believes to see and
// compares the drawing with the video; the prompt is used only at the end, to compare words. Steps, limits and numbers are
// the same as in reference/moviegen_reference/judge.py, which explains them.
//
// Legend: T frames, H W pixels.

import type { Clip } from '../clip.ts';
import {
  borderOf,
  coverageOf,
  distance,
  type Line,
  median,
  nearest,
  objectMask,
  type Picture,
} from './measure.ts';
import {
  AREA,
  BACKGROUNDS,
  type Background,
  COLOURS,
  type Colour,
  coverage,
  type Facts,
  MOTIONS,
  type Motion,
  path,
  RADII,
  type Rgb,
  SHAPES,
  type Shape,
  SIZE,
  type Size,
} from './world.ts';

/** The limits of likeness: a word is given only where the video is within all that concern it. */
export const FLOORS = {
  /** At most: distance of the measured background from the word's. */
  background: 45,
  /** At least: share of border pixels like the background. */
  border: 0.9,
  /** At most: distance of the measured colour from the word's. */
  colour: 70,
  /** At most: root mean square distance of inner pixels from their mean. */
  spread: 80,
  /** At least: share of frames in which an object is seen. */
  frames: 0.8,
  /** At least: area in pixels for an object to be seen in a frame. */
  area: 25,
  /** At least: mean overlap with the word's drawing. */
  overlap: 0.7,
  /** At most: root mean square distance from the word's path, in pixels of a 64x64 video. */
  path: 2.5,
} as const;

/** Words for what is seen; undefined where the likeness is too small. */
export interface Seen {
  readonly background?: Background;
  readonly colour?: Colour;
  readonly shape?: Shape;
  readonly motion?: Motion;
  readonly size?: Size;
}

/** The words for a video, and the measurements behind them. */
export interface Look {
  readonly seen: Seen;
  readonly measures: Readonly<Record<string, number>>;
}

/** Whether a video shows what its prompt says. */
export interface Verdict extends Look {
  /** Whether colour, shape, motion and background are all right. */
  readonly right: boolean;
  readonly colour: boolean;
  readonly shape: boolean;
  readonly motion: boolean;
  readonly background: boolean;
  /** Reported, not judged; undefined where the motion says its own size. */
  readonly size: boolean | undefined;
}

/** Compares a video with the facts of its prompt. */
export function judge(clip: Clip, facts: Facts): Verdict {
  const { seen, measures } = look(clip);
  const parts = {
    colour: seen.colour === facts.colour,
    shape: seen.shape === facts.shape,
    motion: seen.motion === facts.motion,
    background: seen.background === facts.background,
  };
  const size = hasOwnSize(facts.motion) ? undefined : seen.size === facts.size;
  return { right: Object.values(parts).every(Boolean), ...parts, size, seen, measures };
}

const hasOwnSize = (motion: Motion): boolean => motion === 'grows' || motion === 'shrinks';

/** The words for a video. */
export function look(clip: Clip): Look {
  const [T, H, W] = clip.shape;
  const seen: { -readonly [K in keyof Seen]: Seen[K] } = {};
  const measures: Record<string, number> = {};

  const border = borderOf(clip);
  const background: Rgb = [median(border, 0), median(border, 1), median(border, 2)];
  const [backgroundWord, backgroundDistance] = nearest(background, BACKGROUNDS);
  const { mask, inner, plain } = objectMask(clip, background, border);
  measures.background_distance = backgroundDistance;
  measures.border_plain = plain;
  if (backgroundDistance <= FLOORS.background && plain >= FLOORS.border) seen.background = backgroundWord;

  if (inner.length === 0) return { seen, measures };
  const { colour, spread } = meanColour(clip.data, inner);
  const [colourWord, colourDistance] = nearest(colour, COLOURS);
  measures.colour_distance = colourDistance;
  measures.colour_spread = spread;
  if (colourDistance <= FLOORS.colour && spread <= FLOORS.spread) seen.colour = colourWord;

  const pictures = Array.from({ length: T }, (_, k) => coverageOf(clip, k, mask, background, colour));
  const lines = pictures.flatMap((picture, k): (Line & { picture: Picture })[] =>
    picture.area >= (FLOORS.area * H * W) / SIZE ** 2 ? [{ frame: k, ...picture, picture }] : [],
  );
  measures.frames_seen = lines.length / T;
  if (lines.length < Math.max(2, FLOORS.frames * T)) return { seen, measures };

  const overlaps = SHAPES.map((shape) => mean(lines.map(({ picture }) => overlap(picture, shape, H, W))));
  const best = argmax(overlaps);
  measures.overlap = overlaps[best]!;
  if (measures.overlap < FLOORS.overlap) return { seen, measures };
  const shape = SHAPES[best]!;
  seen.shape = shape;

  const scale = SIZE / W;
  const track = lines.map(({ frame, cx, cy, area }) => ({
    frame,
    x: cx * scale,
    y: cy * scale,
    r: Math.sqrt(area / AREA[shape]) * scale,
  }));
  const errors = MOTIONS.map((motion) => pathError(motion, track, T));
  const closest = argmax(errors.map((error) => -error));
  measures.path_error = errors[closest]!;
  measures.radius = mean(track.map(({ r }) => r));
  if (measures.path_error <= FLOORS.path) {
    seen.motion = MOTIONS[closest]!;
    if (!hasOwnSize(seen.motion)) seen.size = sizeWord(measures.radius);
  }
  return { seen, measures };
}

function meanColour(data: Uint8Array, pixels: readonly number[]): { colour: Rgb; spread: number } {
  const sums = [0, 0, 0];
  for (const pixel of pixels) for (let c = 0; c < 3; c++) sums[c]! += data[pixel * 3 + c]!;
  const colour = sums.map((sum) => sum / pixels.length) as [number, number, number];
  let squares = 0;
  for (const pixel of pixels) squares += distance(data, pixel * 3, colour) ** 2;
  return { colour, spread: Math.sqrt(squares / pixels.length) };
}

/** Sum of minima over sum of maxima of the seen and the drawn coverage. */
function overlap({ cover, cx, cy, area }: Picture, shape: Shape, height: number, width: number): number {
  const drawn = coverage(shape, cx, cy, Math.sqrt(area / AREA[shape]), height, width);
  let [least, most] = [0, 0];
  for (let i = 0; i < drawn.length; i++) {
    least += Math.min(cover[i]!, drawn[i]!);
    most += Math.max(cover[i]!, drawn[i]!);
  }
  return least / most;
}

/** Root mean square distance, in (x, y, radius), of the measured path from the word's. */
function pathError(
  motion: Motion,
  track: readonly { frame: number; x: number; y: number; r: number }[],
  frames: number,
): number {
  const want = path(motion, '', frames);
  const differences = track.map(({ frame, x, y, r }) => ({
    x: x - want[frame]!.x,
    y: y - want[frame]!.y,
    r: r - want[frame]!.r,
  }));
  const shift = { x: mean(differences.map(({ x }) => x)), y: mean(differences.map(({ y }) => y)) };
  const growth = hasOwnSize(motion) ? 0 : mean(differences.map(({ r }) => r));
  return Math.sqrt(
    mean(differences.map(({ x, y, r }) => (x - shift.x) ** 2 + (y - shift.y) ** 2 + (r - growth) ** 2)),
  );
}

function sizeWord(radius: number): Size {
  const sizes = Object.keys(RADII) as Size[];
  return sizes[argmax(sizes.map((size) => -Math.abs(RADII[size] - radius)))]!;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));
