// A word of scene world, read: its box gives the count of letters and the size of the font's pixel, and each letter is the
// glyph nearest to the samples of its cell. Template matching, as reference/moviegen_reference/scene_judge.py does it.
//
// Legend: H W pixels, u: side of the font's pixel.

import { GLYPH_GAP, GLYPH_HEIGHT, GLYPH_WIDTH, LETTERS, textWidth } from '../video/pixelFont.ts';
import { least } from './backdrop.ts';
import { median } from './covers.ts';
import { LONGEST } from './scenes.ts';

/** Pixels of the font's pixel at 64 x 64: of a word, and of a big one. */
const UNITS = [2, 3] as const;
/** Where a word may lie about its box's middle. */
const NUDGES = [-1, -0.5, 0, 0.5, 1] as const;
const PITCH = GLYPH_WIDTH + GLYPH_GAP;

/** Coverage of a thing in one frame: [H, W]. */
export interface Plane {
  readonly share: Float64Array;
  readonly height: number;
  readonly width: number;
}

/** A word. */
export interface Reading {
  readonly text: string;
  /** 0 .. 1. */
  readonly likeness: number;
  /** Where it is in each frame, from the canvas centre; undefined where nothing is seen. */
  readonly centres: readonly ({ readonly x: number; readonly y: number } | undefined)[];
}

/** Reads the word that frames show. @param frames not empty */
export function readWord(frames: readonly Plane[], s: number): Reading {
  const boxes = frames.map(boxOf);
  const known = boxes.filter((box) => box !== undefined);
  if (known.length === 0) return { text: '', likeness: 0, centres: frames.map(() => undefined) };
  const height = median(Float64Array.from(known, ({ top, bottom }) => bottom - top));
  const width = median(Float64Array.from(known, ({ left, right }) => right - left));
  const u = s * least(UNITS, (unit) => Math.abs(height / GLYPH_HEIGHT - unit * s));
  const count = Math.min(LONGEST, Math.max(1, halfEven((width / u + GLYPH_GAP) / PITCH)));

  const total = new Float64Array(count * LETTERS.size);
  const centres = frames.map((frame, k) => {
    const box = boxes[k];
    if (box === undefined) return undefined;
    const [cy, cx] = [(box.top + box.bottom) / 2, (box.left + box.right) / 2];
    for (const [i, miss] of nearestMisses(frame, cy, cx, u, count).entries()) total[i]! += miss;
    return { x: cx - frame.width / 2, y: cy - frame.height / 2 };
  });
  const names = [...LETTERS.keys()];
  const letters = Array.from({ length: count }, (_, i) => {
    const misses = total.subarray(i * names.length, (i + 1) * names.length).map((sum) => sum / known.length);
    const smallest = Math.min(...misses);
    return { letter: names[misses.indexOf(smallest)]!, miss: smallest };
  });
  const miss = letters.reduce((sum, one) => sum + one.miss, 0) / count;
  return { text: letters.map(({ letter }) => letter).join(''), likeness: 1 - miss, centres };
}

interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The box of the pixels that are covered by half or more. */
function boxOf({ share, height, width }: Plane): Box | undefined {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let i = 0; i < share.length; i++) {
    if (share[i]! < 0.5) continue;
    const [y, x] = [Math.floor(i / width), i % width];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
  }
  return bottom === 0 ? undefined : { top, bottom, left, right };
}

/** How far each cell is from each glyph, [count, glyphs], where the word lies best about a point. */
function nearestMisses(frame: Plane, cy: number, cx: number, u: number, count: number): Float64Array {
  const table = sumsOf(frame);
  const columns = textWidth(count);
  const nudges = NUDGES.flatMap((dy) => NUDGES.map((dx) => ({ dy, dx })));
  const candidates = nudges.map(({ dy, dx }) => {
    const ys = Array.from({ length: GLYPH_HEIGHT }, (_, i) => cy + dy + (i - (GLYPH_HEIGHT - 1) / 2) * u);
    const xs = Array.from({ length: columns }, (_, j) => cx + dx + (j - (columns - 1) / 2) * u);
    const at = ys.map((y) => xs.map((x) => sample(frame, table, y, x, u)));
    const glyphs = [...LETTERS.values()];
    const misses = new Float64Array(count * glyphs.length);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      let smallest = Number.POSITIVE_INFINITY;
      for (const [g, glyph] of glyphs.entries()) {
        let off = 0;
        for (let y = 0; y < GLYPH_HEIGHT; y++)
          for (let x = 0; x < GLYPH_WIDTH; x++)
            off += Math.abs(at[y]![i * PITCH + x]! - glyph[y * GLYPH_WIDTH + x]!);
        const miss = off / glyph.length;
        misses[i * glyphs.length + g] = miss;
        smallest = Math.min(smallest, miss);
      }
      sum += smallest;
    }
    return { misses, sum };
  });
  return least(candidates, ({ sum }) => sum).misses;
}

/** Sums over the rectangles from the origin to each corner: [H + 1, W + 1]. */
function sumsOf({ share, height, width }: Plane): Float64Array {
  const table = new Float64Array((height + 1) * (width + 1));
  for (let y = 0; y < height; y++)
    for (let x = 0, row = 0; x < width; x++) {
      row += share[y * width + x]!;
      table[(y + 1) * (width + 1) + x + 1] = table[y * (width + 1) + x + 1]! + row;
    }
  return table;
}

/** Mean coverage of the square of side u / 2 about a point; edges of pixels are at whole numbers. */
function sample({ height, width }: Plane, table: Float64Array, y: number, x: number, u: number): number {
  /** Of the rectangle from the origin, at fractional corners. */
  const area = (cornerY: number, cornerX: number): number => {
    const [b, a] = [Math.min(height, Math.max(0, cornerY)), Math.min(width, Math.max(0, cornerX))];
    const [i, j] = [Math.min(Math.floor(b), height - 1), Math.min(Math.floor(a), width - 1)];
    const [fy, fx] = [b - i, a - j];
    const corner = (down: number, across: number) => table[(i + down) * (width + 1) + j + across]!;
    return (
      (1 - fy) * ((1 - fx) * corner(0, 0) + fx * corner(0, 1)) +
      fy * ((1 - fx) * corner(1, 0) + fx * corner(1, 1))
    );
  };
  const h = u / 4;
  return (area(y + h, x + h) - area(y - h, x + h) - area(y + h, x - h) + area(y - h, x - h)) / (4 * h * h);
}

/** To the nearest integer, halves to the even one. */
function halfEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
