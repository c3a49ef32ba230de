// CPU reference of matmul: the triple sum.
import { sizeOf, stridesOf } from '../shape.ts';
import { type NDArray, operand, type Reference, zeros } from './ndarray.ts';

/** C[..., m, n] = sum over k of A[..., m, k] B[..., k, n]; batch axes broadcast. */
export const matmul: Reference = (inputs, { transposeA = false, transposeB = false }) => {
  const [a, b] = [operand(inputs, 'a'), operand(inputs, 'b')];
  const [M, K] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const N = transposeB ? b.shape.at(-2)! : b.shape.at(-1)!;
  const [leadA, leadB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const rank = Math.max(leadA.length, leadB.length);
  const lead = Array.from({ length: rank }, (_, i) =>
    Math.max(leadA[i - rank + leadA.length] ?? 1, leadB[i - rank + leadB.length] ?? 1),
  );
  const out = zeros([...lead, M, N], a.dtype);
  const strides = stridesOf(lead);
  const items = sizeOf(lead);
  /** Where the matrix of batch item `item` begins in an operand. */
  const startOf = ({ shape }: NDArray, item: number) => {
    const own = shape.slice(0, -2);
    const ownStrides = stridesOf(own);
    const matrix = shape.at(-1)! * shape.at(-2)!;
    let index = 0;
    own.forEach((size, i) => {
      const axis = i + rank - own.length;
      const at = Math.floor(item / strides[axis]!) % lead[axis]!;
      index += (size === 1 ? 0 : at) * ownStrides[i]!;
    });
    return index * matrix;
  };
  for (let item = 0; item < items; item++) {
    const [startA, startB] = [startOf(a, item), startOf(b, item)];
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const left = a.data[startA + (transposeA ? k * M + m : m * K + k)]!;
          sum += left * b.data[startB + (transposeB ? n * K + k : k * N + n)]!;
        }
        out.data[(item * M + m) * N + n] = sum;
      }
    }
  }
  return out;
};
