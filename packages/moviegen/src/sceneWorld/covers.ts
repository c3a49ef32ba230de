// What of a video is not background: the pixels of one thing or two, by their colours, and how much of each pixel they cover.
//
// Legend: T frames, H W pixels. A pixel is its index in [T, H, W].

import { distance, neighbourhood } from '../shapesWorld/measure.ts';
import type { Rgb } from '../shapesWorld/world.ts';
import type { Frames } from '../video/frames.ts';
import type { FoundBackdrop } from './backdrop.ts';
import { WORD_COLOURS, type WordColour } from './scenes.ts';

/** Pixels further than this from a mix of the first thing and the background may be a second thing's. */
const MIX_DISTANCE = 30;

/** A thing's colour, as measured, and its coverage. */
export interface Cover {
  readonly colour: Rgb;
  /** 0 .. 1: [T, H, W]. */
  readonly share: Float64Array;
}

/** Pixels whose four neighbours are set too. */
export const erode = (mask: Uint8Array, { shape: [, H, W] }: Frames): Uint8Array =>
  mask.map((_, i) => (neighbourhood(mask, i, H, W) === 5 ? 1 : 0));
/** Pixels that are set, or one of whose four neighbours is. */
export const dilate = (mask: Uint8Array, { shape: [, H, W] }: Frames): Uint8Array =>
  mask.map((_, i) => (neighbourhood(mask, i, H, W) > 0 ? 1 : 0));

/** How many are set. */
export const countOf = (mask: Uint8Array): number => mask.reduce((sum, x) => sum + x, 0);

/** The drawn background's colour of each pixel. */
export function drawnColours({ shape: [T, H, W] }: Frames, { colourAt }: FoundBackdrop): Float64Array {
  const drawn = new Float64Array(T * H * W * 3);
  for (let k = 0, at = 0; k < T; k++) for (let i = 0; i < H * W; i++, at += 3) drawn.set(colourAt(k, i), at);
  return drawn;
}

/** The colour of each thing, one or two, and its coverage. @param least pixels of a second one */
export function coversOf(
  frames: Frames,
  mask: Uint8Array,
  drawn: Float64Array,
  least: (pixels: number) => number,
): Cover[] {
  const { data } = frames;
  const first = commonest(frames, mask, drawn);
  const mine = mix(data, drawn, first);
  const unexplained = mask.map((set, i) => (set && mine.off[i]! > MIX_DISTANCE ? 1 : 0));
  const grown = dilate(erode(unexplained, frames), frames);
  const rest = unexplained.map((set, i) => set & grown[i]!);
  const near = dilate(mask, frames);
  if (countOf(rest) < least(countOf(mask)))
    return [{ colour: first, share: mine.share.map((share, i) => share * near[i]!) }];
  const second = commonest(frames, rest, drawn);
  const other = mix(data, drawn, second);
  const isMine = (i: number) => mine.off[i]! <= other.off[i]!;
  return [
    { colour: first, share: mine.share.map((share, i) => (near[i] && isMine(i) ? share : 0)) },
    { colour: second, share: other.share.map((share, i) => (near[i] && !isMine(i) ? share : 0)) },
  ];
}

/** The measured colour of the thing that most inner pixels show; of a thin thing, of what stands out most. */
function commonest(frames: Frames, mask: Uint8Array, drawn: Float64Array): Rgb {
  const { data } = frames;
  const inner = erode(mask, frames);
  if (countOf(inner) < 0.15 * countOf(mask)) {
    const pixels = [...mask.keys()].filter((i) => mask[i]);
    const away = Float64Array.from(pixels, (i) => distance(data, i * 3, rgbAt(drawn, i)));
    const bound = quantile(away.toSorted(), 0.75);
    return medianColour(
      data,
      pixels.filter((_, n) => away[n]! >= bound),
    );
  }
  const names = Object.keys(WORD_COLOURS) as WordColour[];
  const byWord = names.map((): number[] => []);
  for (let i = 0; i < inner.length; i++) {
    if (!inner[i]) continue;
    const distances = names.map((name) => distance(data, i * 3, WORD_COLOURS[name]));
    byWord[distances.indexOf(Math.min(...distances))]!.push(i);
  }
  const most = Math.max(...byWord.map((pixels) => pixels.length));
  return medianColour(data, byWord.find((pixels) => pixels.length === most)!);
}

/** The share of a colour in each pixel, 0 .. 1, and the pixel's distance from that mix with the background. */
function mix(data: Uint8Array, drawn: Float64Array, colour: Rgb): { share: Float64Array; off: Float64Array } {
  const share = new Float64Array(data.length / 3);
  const off = new Float64Array(data.length / 3);
  for (let i = 0; i < share.length; i++) {
    const under = rgbAt(drawn, i);
    let [along, length] = [0, 0];
    for (let c = 0; c < 3; c++) {
      const step = colour[c]! - under[c]!;
      along += (data[i * 3 + c]! - under[c]!) * step;
      length += step * step;
    }
    const part = Math.min(1, Math.max(0, along / Math.max(length, 1)));
    share[i] = part;
    off[i] = distance(data, i * 3, [
      under[0] + part * (colour[0] - under[0]),
      under[1] + part * (colour[1] - under[1]),
      under[2] + part * (colour[2] - under[2]),
    ]);
  }
  return { share, off };
}

const rgbAt = (colours: Float64Array, i: number): Rgb => [
  colours[i * 3]!,
  colours[i * 3 + 1]!,
  colours[i * 3 + 2]!,
];

function medianColour(data: Uint8Array, pixels: readonly number[]): Rgb {
  const channel = (c: number) => median(Float64Array.from(pixels, (i) => data[i * 3 + c]!));
  return [channel(0), channel(1), channel(2)];
}

/** Of an even count the mean of the two in the middle. */
export function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** Linear between neighbours, as numpy has it. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  const t = at - Math.floor(at);
  return t >= 0.5 ? high - (high - low) * (1 - t) : low + (high - low) * t;
}
