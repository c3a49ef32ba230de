// Classifier-free guidance: u = uNull + scale (uText - uNull).

import { type DType, f32, type Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of a guided velocity. Bindings: uNull, uText, out. */
export function guidanceKernel(shape: readonly number[], scale: number, dtype: DType): Kernel {
  return elementwiseKernel({
    label: 'guidance',
    shape,
    inputs: { uNull: { shape, dtype }, uText: { shape, dtype } },
    dtype,
    scalars: { scale: f32(scale) },
    value: 'uNull + u.scale * (uText - uNull)',
  });
}
