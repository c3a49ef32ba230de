// y[..., s i + r, ...] = x[..., i, ...] for r < s: every axis repeated its own whole number of times.

import type { DType, Kernel } from '../kernel.ts';
import { stridesOf } from '../shape.ts';
import { copyKernel } from './copy.ts';

/** The kernel of nearest upsampling by `factors`, one an axis. Bindings: x, out. */
export function upsampleNearestKernel(
  shape: readonly number[],
  factors: readonly number[],
  dtype: DType,
): Kernel {
  // Each axis n becomes two, [n, s]; along the second the read stands still.
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
