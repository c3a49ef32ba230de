// Pictures at another size, as PIL makes them: antialiased, in whole numbers of 22 bits, one axis after the other. Image models
// are trained on what PIL makes, so this is the same to the bit.

import type { Frames } from './frames.ts';

interface Filter {
  /** Half its width in pixels of the smaller picture. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const filters = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => cubic(Math.abs(x), -0.5) },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Filter>;

/** The cubic convolution of Keys with the parameter a. */
function cubic(x: number, a: number): number {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** The ways of resampling, by PIL's names. */
export type ResampleFilter = keyof typeof filters;

/** Frames of another size: the whole picture, whatever its aspect. */
export function resampled(frames: Frames, height: number, width: number, filter: ResampleFilter): Frames {
  const [T, H, W] = frames.shape;
  const wide = W === width ? frames.data : alongAxis(frames.data, T * H, W, 3, width, filters[filter]);
  const data = H === height ? wide : alongAxis(wide, T, H, width * 3, height, filters[filter]);
  return { data, shape: [T, height, width, 3] };
}

const BITS = 22;

/** [outer, from, inner] to [outer, to, inner]. */
function alongAxis(
  data: Uint8Array<ArrayBuffer>,
  outer: number,
  from: number,
  inner: number,
  to: number,
  { support: half, weight }: Filter,
): Uint8Array<ArrayBuffer> {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // antialiasing: when it gets smaller, the filter gets wider
  const support = half * stretch;
  const taps = Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const plain = Array.from({ length: end - first }, (_, k) => weight((k + first - centre + 0.5) / stretch));
    const sum = plain.reduce((all, one) => all + one, 0);
    const fixed = plain.map((w) => Math.trunc((w < 0 ? -0.5 : 0.5) + (w / sum) * 2 ** BITS));
    return { first, weights: Int32Array.from(fixed) };
  });
  const result = new Uint8Array(outer * to * inner);
  for (let o = 0; o < outer; o++)
    for (const [at, { first, weights }] of taps.entries())
      for (let i = 0; i < inner; i++) {
        let sum = 2 ** (BITS - 1);
        for (let k = 0; k < weights.length; k++)
          sum += data[(o * from + first + k) * inner + i]! * weights[k]!;
        result[(o * to + at) * inner + i] = Math.min(255, Math.max(0, sum >> BITS));
      }
  return result;
}
