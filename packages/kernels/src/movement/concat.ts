// y = the operands one after the other along an axis: one strided copy per operand, into its place.

import type { DType, Kernel } from '../kernel.ts';
import { stridesOf } from '../shape.ts';
import { copyKernel } from './copy.ts';

/** The kernel that puts one operand at position `at` of `axis` in the result. Bindings: x, out. */
export function concatKernel(
  shape: readonly number[],
  out: readonly number[],
  axis: number,
  at: number,
  dtype: DType,
): Kernel {
  const strides = stridesOf(out);
  return copyKernel(
    'concat',
    shape,
    { start: 0, strides: stridesOf(shape) },
    { start: at * strides[axis]!, strides },
    dtype,
  );
}
