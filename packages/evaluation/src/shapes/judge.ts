// Says what a video of shapes world shows, and whether that is what its prompt says. It draws what it believes to see and
// compares the drawing with the video; the prompt is used only at the end, to compare words. Steps, limits and numbers are
// the same as in reference/moviegen_reference/judge.py, which explains them.
//
// Legend: T frames, H W pixels.

import type { Clip } from '../clip.ts';
import {
  argmin,
  backgroundOf,
  coverageOf,
  distance,
  FLOORS,
  framesSeen,
  mean,
  nearest,
  type Picture,
} from './measure.ts';
import {
  AREA,
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
  const { background, mask, inner, word, measures } = backgroundOf(clip);
  if (word !== undefined) seen.background = word;
  if (inner.length === 0) return { seen, measures };
  const { colour, spread } = meanColour(clip.data, inner);
  const [colourWord, colourDistance] = nearest(colour, COLOURS);
  measures.colour_distance = colourDistance;
  measures.colour_spread = spread;
  if (colourDistance <= FLOORS.colour && spread <= FLOORS.spread) seen.colour = colourWord;

  const pictures = Array.from({ length: T }, (_, k) => coverageOf(clip, k, mask, background, colour));
  const lines = framesSeen(pictures, H, W);
  measures.frames_seen = lines.length / T;
  if (lines.length < Math.max(2, FLOORS.frames * T)) return { seen, measures };

  const overlaps = SHAPES.map((shape) => mean(lines.map((line) => overlap(line, shape, H, W))));
  const best = argmin(overlaps.map((value) => -value));
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
  const closest = argmin(errors);
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
export function pathError(
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
  return sizes[argmin(sizes.map((size) => Math.abs(RADII[size] - radius)))]!;
}
