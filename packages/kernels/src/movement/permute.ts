// y = x with its axes in another order: axis k of y is axis `axes[k]` of x.

import type { DType, Kernel } from '../kernel.ts';
import { stridesOf } from '../shape.ts';
import { copyKernel } from './copy.ts';

/** The kernel of a permutation. Bindings: x, out. */
export function permuteKernel(shape: readonly number[], axes: readonly number[], dtype: DType): Kernel {
  const own = stridesOf(shape);
  const out = axes.map((axis) => shape[axis]!);
  const strides = axes.map((axis) => own[axis]!);
  return copyKernel('permute', out, { start: 0, strides }, { start: 0, strides: stridesOf(out) }, dtype);
}
