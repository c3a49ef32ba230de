// CPU reference of the RMS norm with rotary positions.
import { type NDArray, operand, type Reference } from './ndarray.ts';

/** Each projection of a row normed over its D values, times weight; then neighbouring pairs of each head are rotated. */
export const rmsNormRotary: Reference = (inputs, options) => {
  const [x, weight, rotary] = ['x', 'weight', 'rotary'].map((name) => operand(inputs, name)) as [
    NDArray,
    NDArray,
    NDArray,
  ];
  const { eps = 1e-5, columns } = options as { eps?: number; columns?: readonly [number, number] };
  const [P, D] = weight.shape as [number, number];
  const [N, d] = rotary.shape as [number, number];
  const pitch = x.shape.at(-1)!;
  const first = columns?.[0] ?? 0;
  const rows = x.data.length / pitch;
  const out = new Float32Array(rows * P * D);
  for (let row = 0; row < rows; row++)
    for (let p = 0; p < P; p++) {
      const from = row * pitch + first + p * D;
      const values = x.data.subarray(from, from + D);
      const size = Math.sqrt([...values].reduce((sum, v) => sum + v * v, 0) / D + eps);
      const normed = Array.from(values, (v, c) => (v / size) * weight.data[p * D + c]!);
      for (let c = 0; c < D; c += 2) {
        const at = (row % N) * d + (c % d);
        const [cos, sin] = [rotary.data[at]!, rotary.data[at + 1]!];
        const [a, b] = [normed[c]!, normed[c + 1]!];
        out[(row * P + p) * D + c] = a * cos - b * sin;
        out[(row * P + p) * D + c + 1] = a * sin + b * cos;
      }
    }
  return { shape: [...x.shape.slice(0, -1), P * D], dtype: x.dtype, data: out };
};
