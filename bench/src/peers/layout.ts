// Brings operands into the axis order that a library prefers, and results back into ours.
import { type Case, type NDArray, sizeOf, stridesOf } from '@moviegen/kernels';

/** A case's operands by name. */
export type Operands = Readonly<Record<string, NDArray>>;

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

/** What a causal convolution sees, zeros and all: the frames before joined to x along T, H and W padded. For libraries that pad alike on both sides. */
export function seenByCausal({ x, before }: Operands, padding: Case['options']['padding']): NDArray {
  const [first, ...sides] = padding as readonly (readonly [number, number])[];
  if (first![0] !== 0 || first![1] !== 0) throw new Error('internal: all frames before x must be given');
  const [B, T, H, W, C] = x!.shape as [number, number, number, number, number];
  const earlier = before!.shape[1]!;
  const [[top, bottom], [left, right]] = sides as [readonly [number, number], readonly [number, number]];
  const shape = [B, earlier + T, top + H + bottom, left + W + right, C];
  const data = new Float32Array(sizeOf(shape));
  for (let b = 0; b < B; b++)
    for (let t = 0; t < earlier + T; t++)
      for (let h = 0; h < H; h++) {
        const [from, at] = t < earlier ? [before!, b * earlier + t] : [x!, b * T + t - earlier];
        const row = from.data.subarray((at * H + h) * W * C, (at * H + h + 1) * W * C);
        data.set(row, (((b * shape[1]! + t) * shape[2]! + top + h) * shape[3]! + left) * C);
      }
  return { shape, dtype: x!.dtype, data };
}

/** Operands of the norm with rotary positions, pairs on an axis of their own: x [N, P, D/2, 2], weight [P, D/2, 2], and for every pair its cosine twice, and its sine with the sign that its value takes: [N, 1, D/2, 2]. */
export function rotaryOperands({ options }: Case, { x, weight, rotary }: Operands): readonly NDArray[] {
  const [P, D] = weight!.shape as [number, number];
  const [N, d] = rotary!.shape as [number, number];
  const pitch = x!.shape.at(-1)!;
  const first = (options.columns as readonly [number, number] | undefined)?.[0] ?? 0;
  const projections = new Float32Array(N * P * D);
  const [cos, sin] = [new Float32Array(N * D), new Float32Array(N * D)];
  for (let n = 0; n < N; n++) {
    projections.set(x!.data.subarray(n * pitch + first, n * pitch + first + P * D), n * P * D);
    for (let c = 0; c < D; c += 2) {
      const [real, imaginary] = rotary!.data.subarray(n * d + (c % d), n * d + (c % d) + 2) as Float32Array;
      cos.fill(real!, n * D + c, n * D + c + 2);
      sin.set([-imaginary!, imaginary!], n * D + c);
    }
  }
  return [
    f32Array(projections, [N, P, D / 2, 2]),
    reshaped(weight!, [P, D / 2, 2]),
    f32Array(cos, [N, 1, D / 2, 2]),
    f32Array(sin, [N, 1, D / 2, 2]),
  ];
}
