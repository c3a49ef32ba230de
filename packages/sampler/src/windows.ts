// MultiDiffusion (Movie Gen section 3.1.5): one velocity of a large video from those of windows of it. Windows in time are the
// paper's; tiles in space follow the same rule. All of the video stays on the host; a window at a time goes to the model.
//
// Legend: C channels, T H W frames, height, width; along an axis, A its length, n a window's, o what neighbours share at least.

/** The windows along an axis, all of one size. */
export interface AxisWindows {
  readonly size: number;
  readonly starts: readonly number[];
  /** The weights of each window, [size]: ramps towards neighbours. Never 0; where two windows meet they sum to 1. */
  readonly weights: readonly Float64Array[];
  /** The sum of the weights at each position, [A]. */
  readonly sums: Float64Array;
}

/**
 * Windows of `size` along an axis that share at least `overlap` with their neighbours.
 * @throws Error where sizes are not integers with 0 <= overlap < size.
 */
export function axisWindows(length: number, size: number, overlap: number): AxisWindows {
  if (!(Number.isInteger(size) && Number.isInteger(overlap) && 0 <= overlap && overlap < size))
    throw new Error(`windows: size ${size} and overlap ${overlap} must be integers, 0 <= overlap < size`);
  const n = Math.min(length, size);
  const m = length <= size ? 1 : Math.ceil((length - size) / (size - overlap)) + 1;
  const starts = Array.from({ length: m }, (_, i) =>
    m === 1 ? 0 : Math.floor((i * (length - n)) / (m - 1)),
  );
  const shared = (i: number) => starts[i - 1]! + n - starts[i]!; // by windows i - 1 and i
  const weights = starts.map((_, i) =>
    Float64Array.from({ length: n }, (_, j) => {
      const before = i === 0 ? 1 : Math.min(1, (j + 1) / (shared(i) + 1));
      const after = i === m - 1 ? 1 : Math.min(1, (n - j) / (shared(i + 1) + 1));
      return before * after;
    }),
  );
  const sums = new Float64Array(length);
  for (const [i, start] of starts.entries()) for (let j = 0; j < n; j++) sums[start + j]! += weights[i]![j]!;
  return { size: n, starts, weights, sums };
}

/** Sizes of windows along time, height and width, and what neighbours share. */
export interface WindowSizes {
  readonly sizes: readonly [t: number, h: number, w: number];
  readonly overlaps: readonly [t: number, h: number, w: number];
}

/** Where a window begins. */
export type WindowPlace = readonly [t: number, h: number, w: number];

/** The windows of a video of latents, and the averages over them. */
export class Windows {
  /** Of one window, [C, n, h, w]. */
  readonly windowShape: readonly [number, number, number, number];
  /** In the order t, h, w. */
  readonly places: readonly WindowPlace[];
  readonly #shape: readonly [number, number, number, number];
  readonly #axes: readonly [AxisWindows, AxisWindows, AxisWindows];

  /**
   * @param shape [C, T, H, W] of the whole video.
   * @param patch latents of a token along each axis: windows begin and end at whole tokens, whose latents share a weight.
   */
  constructor(
    shape: readonly [number, number, number, number],
    { sizes, overlaps }: WindowSizes,
    patch: readonly [number, number, number] = [1, 1, 1],
  ) {
    const axis = (i: 0 | 1 | 2): AxisWindows => {
      const p = patch[i];
      const each = axisWindows(shape[i + 1]! / p, sizes[i] / p, overlaps[i] / p);
      const repeated = (values: Float64Array) =>
        Float64Array.from({ length: values.length * p }, (_, j) => values[Math.floor(j / p)]!);
      return {
        size: each.size * p,
        starts: each.starts.map((start) => start * p),
        weights: each.weights.map(repeated),
        sums: repeated(each.sums),
      };
    };
    this.#shape = shape;
    this.#axes = [axis(0), axis(1), axis(2)];
    const [t, h, w] = this.#axes;
    this.windowShape = [shape[0], t.size, h.size, w.size];
    this.places = t.starts.flatMap((a) => h.starts.flatMap((b) => w.starts.map((c) => [a, b, c] as const)));
  }

  /** A window of the whole, into `into`. */
  cut(whole: Float32Array, place: WindowPlace, into: Float32Array): void {
    this.#rows(place, (at, from, length) => into.set(whole.subarray(from, from + length), at));
  }

  /** Adds a window, by its weights, to the sums over the whole. */
  add(window: ArrayLike<number>, place: WindowPlace, sums: Float32Array): void {
    const [t, h, w] = place.map((start, i) => this.#axes[i]!.weights[this.#axes[i]!.starts.indexOf(start)]!);
    this.#rows(place, (at, to, length, j, y) => {
      const weight = t![j]! * h![y]!;
      for (let x = 0; x < length; x++) sums[to + x]! += weight * w![x]! * window[at + x]!;
    });
  }

  /** Divides the sums by the weights' sums: the average, in place. */
  average(sums: Float32Array): void {
    const [C, T, H, W] = this.#shape;
    const [t, h, w] = this.#axes.map(({ sums }) => sums);
    let at = 0;
    for (let c = 0; c < C; c++)
      for (let j = 0; j < T; j++)
        for (let y = 0; y < H; y++) {
          const weight = t![j]! * h![y]!;
          for (let x = 0; x < W; x++) sums[at++]! /= weight * w![x]!;
        }
  }

  /** Each row of a window: where it is in the window and in the whole, its length, its frame and its line. */
  #rows(
    [t, h, w]: WindowPlace,
    row: (at: number, whole: number, length: number, j: number, y: number) => void,
  ): void {
    const [, T, H, W] = this.#shape;
    const [C, n, height, width] = this.windowShape;
    let at = 0;
    for (let c = 0; c < C; c++)
      for (let j = 0; j < n; j++)
        for (let y = 0; y < height; y++, at += width)
          row(at, ((c * T + t + j) * H + h + y) * W + w, width, j, y);
  }
}
