// y[..., s i + r, ...] = x[..., i, ...] for r < s: each element repeated s times along each axis, with an integer s per axis.

import type { DType, Kernel } from '../kernel.ts';
import { stridesOf } from '../shape.ts';
import { copyKernel } from './copy.ts';

/** The kernel of nearest upsampling by `factors`, one per axis. Bindings: x, out. */
export function upsampleNearestKernel(
  shape: readonly number[],
  factors: readonly number[],
  dtype: DType,
): Kernel {
  // Each axis n becomes two axes [n, s]; along the second one x is read with stride 0.
  const own = stridesOf(shape);
  const split = shape.flatMap((n, axis) => [n, factors[axis]!]);
  const strides = own.flatMap((stride) => [stride, 0]);
  return copyKernel(
    'upsampleNearest',
    split,
    { start: 0, strides },
    { start: 0, strides: stridesOf(split) },
    dtype,
  );
}
