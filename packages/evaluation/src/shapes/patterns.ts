// Objects with looks that words cannot say: a square of coloured cells, pictured in one place and on one background, to be shown
// moving on another. It draws the same bytes as reference/moviegen_reference/patterns.py. Not here: judging (judgePatterns.ts).

import type { Clip, TimedClip } from '../clip.ts';
import { Draws } from './draws.ts';
import {
  article,
  BACKGROUNDS,
  type Background,
  CENTRE,
  COLOURS,
  FPS,
  FRAMES,
  MOTIONS,
  type Motion,
  OFFSET,
  path,
  RADII,
  type Rgb,
  SAMPLES,
  SIZE,
  type Size,
} from './world.ts';

/** Along each side of the square: as fine as the autoencoder carries. */
export const CELLS = 3;
/** Patterns of which the nearest is the one that was read. */
const CANDIDATES = 16;
/** Pixels that a pictured object may be away from the centre. */
const PLACES = 12;
const SEED = 2410_13734;
/** The colours of cells, which are places in this list. */
export const CELL_COLOURS: readonly Rgb[] = Object.values(COLOURS);

/** Colours of the cells, row by row; what moves how, and where. */
export interface Looks {
  readonly cells: readonly number[];
  readonly motion: Motion;
  readonly background: Background;
}

/** Where and how large an object is pictured. */
export interface Place {
  readonly background: Background;
  readonly x: number;
  readonly y: number;
  readonly size: Size;
}

/** The cell of each of the pixels' samples along an axis, -1 outside. */
function cellsAlong(centre: number, r: number): Int32Array {
  const side = (2 * 0.78 * r) / CELLS;
  return Int32Array.from({ length: SIZE * SAMPLES }, (_, i) => {
    const away = Math.floor(i / SAMPLES) + (((i % SAMPLES) + 0.5) / SAMPLES - 0.5) - centre;
    const cell = Math.floor(away / side + CELLS / 2);
    return cell >= 0 && cell < CELLS ? cell : -1;
  });
}

/** Writes a frame at `at` of `data`. */
function paintCells(
  data: Uint8Array,
  at: number,
  cells: readonly number[],
  background: Background,
  { x, y, r }: { readonly x: number; readonly y: number; readonly r: number },
): void {
  const [columns, rows] = [cellsAlong(CENTRE + x, r), cellsAlong(CENTRE + y, r)];
  const sums = new Int32Array(SIZE * SIZE * 3);
  for (let j = 0; j < rows.length; j++)
    for (let i = 0; i < columns.length; i++) {
      const outside = rows[j]! < 0 || columns[i]! < 0;
      const colour: Rgb = outside
        ? BACKGROUNDS[background]
        : CELL_COLOURS[cells[rows[j]! * CELLS + columns[i]!]!]!;
      const pixel = (Math.floor(j / SAMPLES) * SIZE + Math.floor(i / SAMPLES)) * 3;
      sums[pixel]! += colour[0];
      sums[pixel + 1]! += colour[1];
      sums[pixel + 2]! += colour[2];
    }
  for (let i = 0; i < sums.length; i++) data[at + i] = Math.floor(sums[i]! / SAMPLES ** 2 + 0.5);
}

/** The clip. */
export function drawPattern(looks: Looks, [dx, dy]: readonly [number, number] = [0, 0]): TimedClip {
  const data = new Uint8Array(FRAMES * SIZE * SIZE * 3);
  const size = looks.motion === 'grows' || looks.motion === 'shrinks' ? '' : 'big';
  for (const [k, { x, y, r }] of path(looks.motion, size).entries())
    paintCells(data, k * SIZE * SIZE * 3, looks.cells, looks.background, { x: x + dx, y: y + dy, r });
  return { data, shape: [FRAMES, SIZE, SIZE, 3], fps: FPS };
}

/** The reference picture. */
export function pictureOf({ cells }: Looks, { background, x, y, size }: Place): Clip {
  const data = new Uint8Array(SIZE * SIZE * 3);
  paintCells(data, 0, cells, background, { x, y, r: RADII[size] });
  return { data, shape: [1, SIZE, SIZE, 3] };
}

/** A pattern of the fixed set, its picture's place, and the shift of the video's path. */
export interface PatternSample {
  readonly prompt: string;
  readonly offset: readonly [number, number];
  readonly looks: Looks;
  readonly place: Place;
}

/** The fixed set: 48 patterns, no two alike. Sample i has seed i. */
export function patternSamples(): PatternSample[] {
  const draws = new Draws(SEED);
  const samples: PatternSample[] = [];
  const seen = new Set<string>();
  while (samples.length < 48) {
    const cells = Array.from({ length: CELLS ** 2 }, () => draws.below(CELL_COLOURS.length));
    const [motion, background] = [draws.choice(MOTIONS), draws.word(BACKGROUNDS)];
    const others = (Object.keys(BACKGROUNDS) as Background[]).filter((one) => one !== background);
    const place = {
      background: draws.choice(others),
      x: draws.uniform(-PLACES, PLACES),
      y: draws.uniform(-PLACES, PLACES),
      size: draws.choice<Size>(['', 'big']),
    };
    const offset = [draws.uniform(-OFFSET, OFFSET), draws.uniform(-OFFSET, OFFSET)] as const;
    if (seen.has(cells.join())) continue;
    seen.add(cells.join());
    const prompt = `it ${motion} on ${article(background)} ${background} background`;
    samples.push({ prompt, offset, looks: { cells, motion, background }, place });
  }
  return samples;
}

/** The patterns among which the nearest is looked for: the sample's own first, then those of the 15 after it. */
export const candidatesOf = (i: number, samples: readonly PatternSample[]): (readonly number[])[] =>
  Array.from({ length: CANDIDATES }, (_, k) => samples[(i + k) % samples.length]!.looks.cells);
