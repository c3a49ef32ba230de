// Brings operands into the axis order that a library prefers, and results back into ours.
import { type NDArray, sizeOf, stridesOf } from '@moviegen/kernels';

/** An array whose axes are reordered as `permute` does it. */
export function permuted({ shape, dtype, data }: NDArray, axes: readonly number[]): NDArray {
  const out = axes.map((axis) => shape[axis]!);
  const steps = stridesOf(shape);
  const strides = axes.map((axis) => steps[axis]!);
  const result = new Float32Array(sizeOf(out));
  const index = out.map(() => 0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[from]!;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < out[axis]!) break;
      from -= strides[axis]! * out[axis]!;
      index[axis] = 0;
    }
  }
  return { shape: out, dtype, data: result };
}

/** The same elements under another shape. */
export const reshaped = ({ dtype, data }: NDArray, shape: readonly number[]): NDArray => ({
  shape: [...shape],
  dtype,
  data,
});

/** A result of a library as an array. */
export const f32Array = (data: ArrayLike<number>, shape: readonly number[]): NDArray => ({
  shape: [...shape],
  dtype: 'f32',
  data: data instanceof Float32Array ? data : Float32Array.from(data),
});

/** The axes that bring channels from the end to axis 1, for `permuted`. */
export const channelsFirst = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, k) => k + 1),
];

/** The axes that bring channels from axis 1 to the end, for `permuted`. */
export const channelsLast = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, k) => k + 2),
  1,
];

/** Separates the heads of an attention operand: [1, N, H D] to [H, N, D]. */
export function headsApart(x: NDArray, heads: number): NDArray {
  const [, N, width] = x.shape as [number, number, number];
  return permuted(reshaped(x, [N, heads, width / heads]), [1, 0, 2]);
}

/** Puts the heads side by side again: [H, N, D] to [N, H, D]. */
export const headsTogether = (x: NDArray): NDArray => permuted(x, [1, 0, 2]);
