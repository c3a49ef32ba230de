// y = x[start[0] : end[0], start[1] : end[1], ...].

import type { DType, Kernel } from '../kernel.ts';
import { stridesOf } from '../shape.ts';
import { copyKernel } from './copy.ts';

/** The kernel of a slice, whose shape is `end - start`. Bindings: x, out. */
export function sliceKernel(
  shape: readonly number[],
  start: readonly number[],
  end: readonly number[],
  dtype: DType,
): Kernel {
  const out = shape.map((_, axis) => end[axis]! - start[axis]!);
  const strides = stridesOf(shape);
  const first = start.reduce((offset, n, axis) => offset + n * strides[axis]!, 0);
  return copyKernel('slice', out, { start: first, strides }, { start: 0, strides: stridesOf(out) }, dtype);
}
