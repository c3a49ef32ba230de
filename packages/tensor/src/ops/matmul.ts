// The batched matrix product of two tensors, and how it is taken apart where an operand is larger than a binding. Not here:
// products with constant weights (linear.ts).

import { matmulKernel, matmulSizes, matmulVariants, sizeOf } from '@moviegen/kernels';
import { scope } from '../device/scope.ts';
import { Tensor } from '../tensor.ts';
import { bindable, copyInParts, wholeWalk } from './large/parts.ts';
import { slice } from './movement.ts';
import { sameType } from './operands.ts';
import { runVariant } from './variant.ts';

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** `a` is stored [..., K, M]. */
  readonly transposeA?: boolean;
  /** `b` is stored [..., N, K]. */
  readonly transposeB?: boolean;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string;
}

/**
 * Matrix product [..., M, K] x [..., K, N] -> [..., M, N]; the axes before the last two broadcast. Accumulates in f32.
 * For constant weights {@link linear} with {@link pack} is faster.
 * @throws where inner dimensions differ, batch axes do not broadcast, or the types differ.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, variant } = options;
  const dtype = sameType('matmul', { a, b });
  const shape = { a: a.shape, b: b.shape, transposeA, transposeB };
  const out = Tensor.empty(a.device, matmulSizes(shape).out, dtype);
  if (!out.size) return out;
  if (bindable(a, b, out)) {
    const { target } = a.device;
    const { M, N, K, batch } = matmulSizes(shape);
    const choice = {
      op: ['matmul', transposeA && 'A', transposeB && 'B'].filter(Boolean).join(' '),
      dtype,
      sizes: [M, N, K, sizeOf(batch)],
      variants: matmulVariants(shape, target, dtype),
      make: (name: string) => matmulKernel(shape, dtype, target, name),
    };
    runVariant(a.device, variant, choice, [a, b, out]);
  } else matmulInParts(a, b, out, options);
  return out;
}

/** The product where an operand is larger than a binding: batch item by batch item, then by rows of a or columns of b. */
function matmulInParts(a: Tensor, b: Tensor, out: Tensor, options: MatmulOptions): void {
  const { device } = out;
  const { transposeA = false, transposeB = false } = options;
  const [M, N] = out.shape.slice(-2) as [number, number];
  /** Copies a product to the place in `out` that begins at `start` along an axis, which is negative: -1 is the last. */
  const place = (part: Tensor, axis: number, start: number) => {
    const { strides } = wholeWalk(out);
    copyInParts('matmul', part.shape, part, wholeWalk(part), out, {
      start: start * strides.at(axis)!,
      strides,
    });
  };
  const cut = (t: Tensor, axis: number, start: number, end: number) => {
    const at = t.rank + axis;
    const first = t.shape.map((_, k) => (k === at ? start : 0));
    return slice(t, { start: first, end: t.shape.map((n, k) => (k === at ? end : n)) });
  };
  if (out.rank > 2) {
    const axis = out.shape.findIndex((n, k) => n > 1 || k === out.rank - 3) - out.rank;
    const of = (t: Tensor, i: number) => ((t.shape.at(axis) ?? 1) === 1 ? t : cut(t, axis, i, i + 1));
    if (out.shape.at(axis)! > 1) {
      for (let i = 0; i < out.shape.at(axis)!; i++)
        scope(device, () => place(matmul(of(a, i), of(b, i), options), axis, i));
      return;
    }
  }
  // Halves of the longer side of the result.
  const [axis, length] = M >= N ? ([-2, M] as const) : ([-1, N] as const);
  if (length === 1)
    throw new Error(`matmul: one row of ${a} or column of ${b} is larger than this adapter binds`);
  const half = Math.ceil(length / 8) * 4;
  for (const [start, end] of [
    [0, Math.min(half, length - 1)],
    [Math.min(half, length - 1), length],
  ] as const)
    scope(device, () => {
      const left = axis === -2 ? cut(a, transposeA ? -1 : -2, start, end) : a;
      const right = axis === -1 ? cut(b, transposeB ? -2 : -1, start, end) : b;
      place(matmul(left, right, options), axis, start);
    });
}
