// The background of a video of scene world: its words, and where it is a checkerboard, the camera and the frame rate. Each kind
// with each pair of colours is held against the first frame, where every camera stands at rest; then each camera against all.
//
// Legend: T frames, H W pixels, s = min(H, W) / 64.

import { borderOf, distance, median } from '../shapesWorld/measure.ts';
import { BACKGROUNDS, type Background, type Rgb } from '../shapesWorld/world.ts';
import type { Frames } from '../video/frames.ts';
import { type Backdrop, CAMERAS, type Camera, CELL, cameraAt, coloursOf, progress, RATES } from './scenes.ts';

/** What is believed to be behind the things. */
export interface FoundBackdrop {
  readonly words: Backdrop;
  readonly camera: Camera | '';
  /** Where the camera tells it. */
  readonly fps: number | undefined;
  /** The colour at a pixel [frame, y, x] of its drawing. */
  readonly colourAt: (frame: number, pixel: number) => Rgb;
}

/** No pixel counts as further from its background. */
const FURTHEST = 100;
/** Samples a pixel along an axis, of a drawing. */
const SAMPLES = 4;

/** The share of each pixel that lies in a checkerboard's second colour, [H, W]. */
export function board(
  [H, W]: readonly [number, number],
  { z, x: pan }: { readonly z: number; readonly x: number },
  s: number,
  samples: number,
): Float64Array {
  const along = (size: number, shift: number) =>
    Array.from({ length: size * samples }, (_, i) => {
      const sub = ((i % samples) + 0.5) / samples - 0.5;
      const at = Math.floor(i / samples) - (size - 1) / 2 + sub;
      return Math.floor((at / z + shift) / (CELL * s)) & 1;
    });
  const [columns, rows] = [along(W, pan), along(H, 0)];
  const share = new Float64Array(H * W);
  for (let y = 0; y < rows.length; y++)
    for (let x = 0; x < columns.length; x++)
      if (rows[y] !== columns[x]) share[Math.floor(y / samples) * W + Math.floor(x / samples)]!++;
  return share.map((hits) => hits / samples ** 2);
}

const mixed = ([first, second]: readonly [Rgb, Rgb], share: number): Rgb => [
  first[0] + share * (second[0] - first[0]),
  first[1] + share * (second[1] - first[1]),
  first[2] + share * (second[2] - first[2]),
];

/** A gradient's share of its second colour in a row. */
const gradientAt = (y: number, H: number): number => (y === H - 1 ? 1 : y * (1 / (H - 1)));

/** What a video is believed to show behind its things. */
export function findBackdrop(frames: Frames, s: number): FoundBackdrop {
  const [T, H, W] = frames.shape;
  const miss = missesOf(frames);
  const rest = board([H, W], { z: 1, x: 0 }, s, 1);
  const nearest = least(backdrops(), (words) => {
    const colours = coloursOf(words);
    if (words.length === 1) return miss.plain(words[0], 0);
    if (words[0] === 'checkerboard') return miss.board(words[1], words[2], rest, 0);
    let sum = 0;
    for (let y = 0; y < H; y++) {
      const colour = mixed(colours, gradientAt(y, H));
      for (let x = 0; x < W; x++) sum += Math.min(distance(frames.data, (y * W + x) * 3, colour), FURTHEST);
    }
    return sum;
  });
  const colours = coloursOf(nearest);
  if (nearest.length === 1) {
    // As measured: a little off is no object.
    const border = borderOf(frames);
    const measured: Rgb = [median(border, 0), median(border, 1), median(border, 2)];
    return { words: nearest, camera: '', fps: undefined, colourAt: () => measured };
  }
  const [pattern, first, second] = nearest;
  if (pattern === 'gradient') {
    const rows = Array.from({ length: H }, (_, y) => mixed(colours, gradientAt(y, H)));
    const colourAt = (_: number, pixel: number) => rows[Math.floor(pixel / W)]!;
    return { words: nearest, camera: '', fps: undefined, colourAt };
  }

  const under = (camera: Camera | '', fps: number | undefined, samples: number) =>
    progress(T, fps ?? 16).map((p) => board([H, W], cameraAt(camera, p, s), s, samples));
  const moving = T > 1 ? CAMERAS.flatMap((camera) => RATES.map((fps) => ({ camera, fps }))) : [];
  const { camera, fps } = least<{ camera: Camera | ''; fps: number | undefined }>(
    [{ camera: '', fps: undefined }, ...moving],
    (option) =>
      under(option.camera, option.fps, 1).reduce(
        (sum, share, k) => sum + miss.board(first, second, share, k),
        0,
      ),
  );
  const shares = under(camera, fps, SAMPLES);
  return { words: nearest, camera, fps, colourAt: (k, pixel) => mixed(colours, shares[k]![pixel]!) };
}

/** Every background there is: plain ones, gradients, checkerboards. */
function backdrops(): Backdrop[] {
  const words = Object.keys(BACKGROUNDS) as Background[];
  const pairs = words.flatMap((first) =>
    words.filter((second) => second !== first).map((second) => [first, second] as const),
  );
  return [
    ...words.map((word) => [word] as const),
    ...pairs.map((pair) => ['gradient', ...pair] as const),
    ...pairs.map((pair) => ['checkerboard', ...pair] as const),
  ];
}

/** How far frames are from colours: sums over a frame's pixels. Each frame's distances are computed once. */
function missesOf({ data, shape: [, H, W] }: Frames) {
  const known = new Map<string, Float64Array>();
  const distances = (word: Background, k: number): Float64Array => {
    const key = `${word} ${k}`;
    let found = known.get(key);
    if (found === undefined) {
      found = Float64Array.from({ length: H * W }, (_, i) =>
        Math.min(distance(data, (k * H * W + i) * 3, BACKGROUNDS[word]), FURTHEST),
      );
      known.set(key, found);
    }
    return found;
  };
  return {
    plain: (word: Background, k: number) => distances(word, k).reduce((sum, x) => sum + x, 0),
    board(first: Background, second: Background, share: Float64Array, k: number): number {
      const [a, b] = [distances(first, k), distances(second, k)];
      let sum = 0;
      for (let i = 0; i < share.length; i++) sum += share[i] === 0 ? a[i]! : b[i]!;
      return sum;
    },
  };
}

/** The first of those with the smallest value. @param options not empty */
export function least<T>(options: readonly T[], value: (option: T) => number): T {
  const values = options.map(value);
  return options[values.indexOf(Math.min(...values))]!;
}
