// What the judge measures in pixels: the border, the object's pixels, and how much of each pixel the object covers.
//
// Legend: T frames, H W pixels. A pixel is its index in [T, H, W].

import type { Clip } from '../clip.ts';
import { BACKGROUNDS, type Background, type Rgb, SIZE } from './world.ts';

/** Pixels further than this from the background are the object's. */
const OBJECT_DISTANCE = 45;

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

/** An object in a frame. */
export interface Picture {
  /** Share of each pixel, 0 .. 1: [H, W]. */
  readonly cover: Float64Array;
  readonly area: number;
  /** Centre of mass. */
  readonly cx: number;
  readonly cy: number;
}

/** A frame in which an object is seen. */
export interface Line extends Picture {
  readonly frame: number;
}

/** Euclidean distance of the colour at `data[at ..]` from another. */
export function distance(data: ArrayLike<number>, at: number, to: Rgb): number {
  return Math.sqrt((data[at]! - to[0]) ** 2 + (data[at + 1]! - to[1]) ** 2 + (data[at + 2]! - to[2]) ** 2);
}

/** The word whose colour is nearest, and how far it is. */
export function nearest<Word extends string>(value: Rgb, words: Readonly<Record<Word, Rgb>>): [Word, number] {
  const [first, ...rest] = (Object.keys(words) as Word[]).map((word): [Word, number] => [
    word,
    distance(value, 0, words[word]),
  ]);
  return rest.reduce((best, one) => (one[1] < best[1] ? one : best), first!);
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, x) => sum + x, 0) / values.length;
export const argmin = (values: readonly number[]): number => values.indexOf(Math.min(...values));

/** A video's background, its word where it is within the floors, the object's pixels (see `objectMask`), and what was measured. */
export function backgroundOf(clip: Clip): {
  readonly background: Rgb;
  readonly word: Background | undefined;
  readonly mask: Uint8Array;
  readonly inner: readonly number[];
  readonly measures: Record<string, number>;
} {
  const border = borderOf(clip);
  const background: Rgb = [median(border, 0), median(border, 1), median(border, 2)];
  const [word, away] = nearest(background, BACKGROUNDS);
  const { mask, inner, plain } = objectMask(clip, background, border);
  const certain = away <= FLOORS.background && plain >= FLOORS.border;
  const measures = { background_distance: away, border_plain: plain };
  return { background, word: certain ? word : undefined, mask, inner, measures };
}

/** The frames in which enough of an object is seen. */
export function framesSeen(pictures: readonly Picture[], H: number, W: number): Line[] {
  const least = (FLOORS.area * H * W) / SIZE ** 2;
  return pictures.flatMap((picture, frame) => (picture.area >= least ? [{ frame, ...picture }] : []));
}

/** The colours of the border pixels of all frames, one after the other; corners come twice. */
function borderOf({ data, shape: [T, H, W] }: Clip): Uint8Array {
  const border = new Uint8Array(T * 2 * (H + W) * 3);
  let to = 0;
  const take = (pixel: number) => {
    for (let c = 0; c < 3; c++) border[to++] = data[pixel * 3 + c]!;
  };
  for (let first = 0; first < T * H * W; first += H * W) {
    for (let x = 0; x < W; x++) take(first + x);
    for (let x = 0; x < W; x++) take(first + (H - 1) * W + x);
    for (let y = 0; y < H; y++) take(first + y * W);
    for (let y = 0; y < H; y++) take(first + y * W + W - 1);
  }
  return border;
}

/** The median of one channel; the mean of the two middle values where their count is even. */
function median(colours: Uint8Array, channel: number): number {
  const values = colours.filter((_, i) => i % 3 === channel).sort();
  const half = values.length / 2;
  return (values[Math.ceil(half) - 1]! + values[Math.floor(half)]!) / 2;
}

/**
 * Finds the object.
 * @returns `mask`: 1 for the object's pixels; `inner`: those whose four neighbours are the object's too; `plain`: the share
 *   of border pixels that look like the background.
 */
function objectMask(
  { data, shape: [T, H, W] }: Clip,
  background: Rgb,
  border: Uint8Array,
): { mask: Uint8Array; inner: number[]; plain: number } {
  const mask = new Uint8Array(T * H * W);
  for (let i = 0; i < mask.length; i++) mask[i] = distance(data, i * 3, background) > OBJECT_DISTANCE ? 1 : 0;
  const inner: number[] = [];
  for (let pixel = 0; pixel < mask.length; pixel++)
    if (neighbourhood(mask, pixel, H, W) === 5) inner.push(pixel);
  let plain = 0;
  for (let at = 0; at < border.length; at += 3)
    if (distance(border, at, background) <= OBJECT_DISTANCE) plain++;
  return { mask, inner, plain: plain / (border.length / 3) };
}

/** How many of a pixel and its four neighbours are set. In place of a neighbour outside the frame the pixel itself counts. */
function neighbourhood(mask: Uint8Array, pixel: number, H: number, W: number): number {
  const x = pixel % W;
  const y = Math.floor(pixel / W) % H;
  return (
    mask[pixel]! +
    mask[x > 0 ? pixel - 1 : pixel]! +
    mask[x < W - 1 ? pixel + 1 : pixel]! +
    mask[y > 0 ? pixel - W : pixel]! +
    mask[y < H - 1 ? pixel + W : pixel]!
  );
}

/** Each pixel's share of the way from the background to the object's colour, 0 away from the object. */
export function coverageOf(
  { data, shape: [, H, W] }: Clip,
  frame: number,
  mask: Uint8Array,
  background: Rgb,
  colour: Rgb,
): Picture {
  const step = colour.map((value, c) => value - background[c]!);
  const length = step.reduce((sum, value) => sum + value * value, 0);
  const cover = new Float64Array(H * W);
  let [area, mx, my] = [0, 0, 0];
  for (let i = 0; i < H * W; i++) {
    const pixel = frame * H * W + i;
    if (neighbourhood(mask, pixel, H, W) === 0) continue;
    let along = 0;
    for (let c = 0; c < 3; c++) along += (data[pixel * 3 + c]! - background[c]!) * step[c]!;
    const share = Math.min(1, Math.max(0, along / length));
    cover[i] = share;
    area += share;
    mx += share * (i % W);
    my += share * Math.floor(i / W);
  }
  return { cover, area, cx: mx / area, cy: my / area };
}
