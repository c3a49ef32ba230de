// Reads the word of a video by template matching, and says whether it is the one asked for. Steps, limits and numbers are those of
// reference/moviegen_reference/judge_letters.py, which explains them. It knows nothing of the prompt until it compares.
//
// Legend: T frames, H W pixels.

import type { Clip } from '../clip.ts';
import { pathError } from './judge.ts';
import {
  CELL,
  GLYPH_COLUMNS,
  GLYPH_ROWS,
  GLYPHS,
  LETTERS,
  type LetterSample,
  wordColumns,
} from './letters.ts';
import {
  argmin,
  backgroundOf,
  coverageOf,
  distance,
  FLOORS,
  framesSeen,
  type Line,
  mean,
  nearest,
} from './measure.ts';
import {
  type Background,
  CENTRE,
  COLOURS,
  type Colour,
  MOTIONS,
  type Motion,
  path,
  RADII,
  type Rgb,
  SIZE,
} from './world.ts';

/** Ink is at least so far from the background as this share of the distance that the furthest tenth has. */
const INK = 0.8;
const FURTHEST = 0.9;
/** The most that a reading may differ from what is seen, as a share of it. */
const MISFIT = 0.6;
/** How far from the centre of mass the middle of a word is looked for, in pixels. */
const REACH = { x: 6, y: 4 } as const;
/** Points of a font's pixel along each side, in such pixels from its middle. */
const POINTS = [-0.25, 0.25];

/** Words for what is seen; undefined where the likeness is too small. */
export interface SeenWord {
  readonly text?: string;
  readonly colour?: Colour;
  readonly motion?: Motion;
  readonly background?: Background;
}

/** Of a video of a word. */
export interface LetterVerdict {
  /** Whether every letter, the motion, the background, and the colour where the prompt says one, are right. */
  readonly right: boolean;
  readonly text: boolean;
  readonly motion: boolean;
  readonly background: boolean;
  /** Undefined where the prompt says none. */
  readonly colour: boolean | undefined;
  /** The share of letters that are right at their places. */
  readonly letters: number;
  readonly seen: SeenWord;
  readonly measures: Readonly<Record<string, number>>;
}

/** Judges a video of a word. */
export function judgeLetters(clip: Clip, { word }: LetterSample): LetterVerdict {
  const { seen, measures } = readWord(clip);
  const text = seen.text ?? '';
  const parts = {
    text: text === word.text,
    motion: seen.motion === word.motion,
    background: seen.background === word.background,
    colour: word.saysColour ? seen.colour === word.colour : undefined,
  };
  const same = [...text].filter((letter, i) => letter === word.text[i]).length;
  const right = Object.values(parts).every((part) => part !== false);
  return { right, ...parts, letters: same / Math.max(text.length, word.text.length), seen, measures };
}

/** The words for a video, and the measurements behind them. */
function readWord(clip: Clip): { seen: SeenWord; measures: Record<string, number> } {
  const [T, H, W] = clip.shape;
  const seen: { -readonly [K in keyof SeenWord]: SeenWord[K] } = {};
  const { background, mask, word, measures } = backgroundOf(clip);
  if (word !== undefined) seen.background = word;
  const colour = inkOf(clip, background, mask);
  if (colour === undefined) return { seen, measures };
  const [colourWord, colourDistance] = nearest(colour, COLOURS);
  measures.colour_distance = colourDistance;
  if (colourDistance <= FLOORS.colour) seen.colour = colourWord;

  const pictures = Array.from({ length: T }, (_, k) => coverageOf(clip, k, mask, background, colour));
  const lines = framesSeen(pictures, H, W);
  measures.frames_seen = lines.length / T;
  if (lines.length < Math.max(2, FLOORS.frames * T)) return { seen, measures };

  const scale = SIZE / W;
  const size = mean(lines.map(({ area }) => Math.sqrt(area)));
  const errors = MOTIONS.map((motion) => {
    const want = mean(radii(motion, lines, T));
    const track = lines.map(({ frame, cx, cy, area }) => ({
      frame,
      x: cx * scale,
      y: cy * scale,
      r: Math.sqrt(area) * (want / size),
    }));
    return pathError(motion, track, T);
  });
  const closest = argmin(errors);
  measures.path_error = errors[closest]!;
  if (measures.path_error > FLOORS.path) return { seen, measures };
  seen.motion = MOTIONS[closest]!;

  const zooms = radii(seen.motion, lines, T).map((radius) => radius / RADII[''] / scale);
  const { text, misfit } = readPicture(averaged(lines, zooms, H, W));
  measures.misfit = misfit;
  if (misfit <= MISFIT) seen.text = text;
  return { seen, measures };
}

/** The radii that a motion has in the frames in which something is seen. */
function radii(motion: Motion, lines: readonly Line[], frames: number): number[] {
  const want = path(motion, '', frames);
  return lines.map(({ frame }) => want[frame]!.r);
}

/** The mean colour of the pixels that are nearly as far from the background as the furthest tenth is. */
function inkOf({ data }: Clip, background: Rgb, mask: Uint8Array): Rgb | undefined {
  const pixels = Array.from(mask.keys()).filter((pixel) => mask[pixel] === 1);
  if (pixels.length === 0) return undefined;
  const distances = Float64Array.from(pixels, (pixel) => distance(data, pixel * 3, background));
  const least = INK * distances.toSorted()[Math.floor(FURTHEST * (pixels.length - 1))]!;
  const ink = pixels.filter((_, i) => distances[i]! >= least);
  const channel = (c: number) => mean(ink.map((pixel) => data[pixel * 3 + c]!));
  return [channel(0), channel(1), channel(2)];
}

/** A picture [H, W] at column x and row y, bilinear, 0 outside. */
function sampled(picture: Float64Array, H: number, W: number, x: number, y: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const at = (row: number, column: number) =>
    row >= 0 && row < H && column >= 0 && column < W ? picture[row * W + column]! : 0;
  const [u, v] = [x - x0, y - y0];
  const above = at(y0, x0) * (1 - u) + at(y0, x0 + 1) * u;
  const below = at(y0 + 1, x0) * (1 - u) + at(y0 + 1, x0 + 1) * u;
  return above * (1 - v) + below * v;
}

/** The frames' mean, each about its centre and of the size that it has in the middle of a motion: [SIZE, SIZE]. */
function averaged(lines: readonly Line[], zooms: readonly number[], H: number, W: number): Float64Array {
  const result = new Float64Array(SIZE * SIZE);
  for (const [k, { cover, cx, cy }] of lines.entries())
    for (let i = 0; i < result.length; i++) {
      const [x, y] = [(i % SIZE) - CENTRE, Math.floor(i / SIZE) - CENTRE];
      result[i]! += sampled(cover, H, W, cx + zooms[k]! * x, cy + zooms[k]! * y) / lines.length;
    }
  return result;
}

function energyOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** A word, and by how much it differs from what is seen, as a share of that. */
interface Reading {
  readonly text: string;
  readonly misfit: number;
}

/** The word that differs least from a picture: places a pixel apart, then half a pixel around the best of each length. */
function readPicture(picture: Float64Array): Reading {
  const energy = energyOf(picture);
  let best: Reading = { text: '', misfit: Number.POSITIVE_INFINITY };
  for (const length of [1, 2, 3]) {
    const at = (dx: number, dy: number) => ({ dx, dy, ...readAt(picture, energy, length, dx, dy) });
    const least = <T extends Reading>(readings: readonly T[]) =>
      readings[argmin(readings.map(({ misfit }) => misfit))]!;
    const { dx, dy } = least(grid(REACH.x, REACH.y, 1).map(([x, y]) => at(x, y)));
    const nearer = least(grid(0.5, 0.5, 0.5).map(([x, y]) => at(dx + x, dy + y)));
    if (nearer.misfit < best.misfit) best = nearer;
  }
  return best;
}

/** Places from -x, -y to x, y. */
function grid(x: number, y: number, step: number): (readonly [number, number])[] {
  const along = (reach: number) => Array.from({ length: (2 * reach) / step + 1 }, (_, i) => i * step - reach);
  return along(y).flatMap((dy) => along(x).map((dx) => [dx, dy] as const));
}

/** The word of a length whose middle is so far from the picture's. */
function readAt(picture: Float64Array, energy: number, length: number, dx: number, dy: number): Reading {
  const area = CELL[length]! ** 2;
  const q = fontPixels(picture, length, CENTRE + dx, CENTRE + dy);
  const { text, differs } = readPixels(q, length);
  return { text, misfit: (area * differs + Math.max(0, energy - area * energyOf(q))) / energy };
}

/** The pixels of the font of a word of a length whose middle is at (x, y): [7, columns]. */
function fontPixels(picture: Float64Array, length: number, x: number, y: number): Float64Array {
  const [cell, columns] = [CELL[length]!, wordColumns(length)];
  const q = new Float64Array(GLYPH_ROWS * columns);
  for (let i = 0; i < q.length; i++) {
    const [column, row] = [(i % columns) - (columns - 1) / 2, Math.floor(i / columns) - (GLYPH_ROWS - 1) / 2];
    for (const v of POINTS)
      for (const u of POINTS)
        q[i]! +=
          sampled(picture, SIZE, SIZE, x + (column + u) * cell, y + (row + v) * cell) / POINTS.length ** 2;
  }
  return q;
}

/** The letters whose templates differ least, and the sum of the squares by which they and the gaps differ. */
function readPixels(q: Float64Array, length: number): { text: string; differs: number } {
  const columns = wordColumns(length);
  let [text, differs] = ['', 0];
  for (let row = 0; row < GLYPH_ROWS; row++)
    for (let gap = GLYPH_COLUMNS; gap < columns; gap += GLYPH_COLUMNS + 1)
      differs += q[row * columns + gap]! ** 2;
  for (let k = 0; k < length; k++) {
    const each = GLYPHS.map((glyph) => {
      let sum = 0;
      for (const [i, bit] of glyph.entries()) {
        const [row, column] = [Math.floor(i / GLYPH_COLUMNS), i % GLYPH_COLUMNS];
        sum += (q[row * columns + k * (GLYPH_COLUMNS + 1) + column]! - bit) ** 2;
      }
      return sum;
    });
    const nearestLetter = argmin(each);
    text += LETTERS[nearestLetter];
    differs += each[nearestLetter]!;
  }
  return { text, differs };
}
