// What changes from frame to frame in luma: the motion score and the cut score. Both need only the difference of two frames,
// since blurring is linear.
//
// - Motion score, as FFmpeg's vmafmotion: the mean |blurred - blurred before|.
// - f = 100 / 256 x mean |Y - Y before|, of which the cut score is made, as FFmpeg's scdet: min(f, |f - f before|).

import type { Luma } from './luma.ts';

/** The blur of vmafmotion: a Gaussian over five values; the tap at the middle, then at distance 1 and 2. */
const [C0, C1, C2] = [0.402619947, 0.244201342, 0.054488685] as const;

/** The change between two frames. */
export interface Change {
  /** The frame's motion score. */
  readonly motion: number;
  /** 100 / 256 of the mean |Y - Y before|. */
  readonly difference: number;
}

/** Measures the change from a frame to the next one. It keeps the frame before. */
export class ChangeMeter {
  #before: Luma | undefined;
  #difference = new Int32Array(0);

  /** The change to this frame from the one before; 0 for the first frame, and where the size changes. The frame is kept as it is. */
  push(luma: Luma): Change {
    const before = this.#before;
    this.#before = luma;
    if (before === undefined || before.height !== luma.height || before.width !== luma.width)
      return { motion: 0, difference: 0 };
    const { height: H, width: W, perStep } = luma;
    if (this.#difference.length !== H * W) this.#difference = new Int32Array(H * W);
    const difference = this.#difference;
    const [now, old] = [luma.data, before.data];
    let sum = 0;
    for (let y = 0, to = 0; y < H; y++) {
      const [a, b] = [y * luma.stride, y * before.stride];
      for (let x = 0; x < W; x++) {
        const d = now[a + x]! - old[b + x]!;
        difference[to++] = d;
        sum += d < 0 ? -d : d;
      }
    }
    return {
      motion: sum === 0 ? 0 : meanBlurred(difference, H, W) / perStep,
      difference: ((100 / 256) * sum) / (H * W * perStep),
    };
  }
}

/** The mean of |blurred| of [H, W]. Beyond the edges values are mirrored, as FFmpeg does it: the first one is not repeated, the last one is. */
function meanBlurred(values: Int32Array, H: number, W: number): number {
  const column = new Float64Array(W + 4); // a row that is blurred downwards, with two mirrored values on each side
  let total = 0;
  for (let y = 0; y < H; y++) {
    const [a, b, c, d, e] = [-2, -1, 0, 1, 2].map((k) => mirrored(y + k, H) * W) as [
      number,
      number,
      number,
      number,
      number,
    ];
    for (let x = 0; x < W; x++)
      column[x + 2] =
        C0 * values[c + x]! + C1 * (values[b + x]! + values[d + x]!) + C2 * (values[a + x]! + values[e + x]!);
    for (const k of [-2, -1, W, W + 1]) column[k + 2] = column[mirrored(k, W) + 2]!;
    for (let x = 2; x < W + 2; x++) {
      const blurred =
        C0 * column[x]! + C1 * (column[x - 1]! + column[x + 1]!) + C2 * (column[x - 2]! + column[x + 2]!);
      total += blurred < 0 ? -blurred : blurred;
    }
  }
  return total / (H * W);
}

function mirrored(k: number, size: number): number {
  const inside = k < 0 ? -k : k >= size ? 2 * size - k - 1 : k;
  return Math.min(size - 1, Math.max(0, inside)); // frames smaller than the blur
}

/** Cut scores of frames from their differences: steady motion is not a cut. The first one is 0. */
export function cutScores(differences: ArrayLike<number>): number[] {
  return Array.from({ length: differences.length }, (_, k) =>
    k === 0 ? 0 : Math.min(100, differences[k]!, Math.abs(differences[k]! - differences[k - 1]!)),
  );
}

/** The mean of motion scores over all frames of a clip, whose first one is 0. */
export const motionScore = (scores: ArrayLike<number>): number =>
  mean(Array.from({ length: scores.length }, (_, k) => (k === 0 ? 0 : scores[k]!)));

/** The same of the smaller one of a frame's score and the next frame's. */
export const motion2Score = (scores: ArrayLike<number>): number =>
  mean(
    Array.from({ length: scores.length }, (_, k) =>
      k === 0 ? 0 : Math.min(scores[k]!, scores[k + 1] ?? scores[k]!),
    ),
  );

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
