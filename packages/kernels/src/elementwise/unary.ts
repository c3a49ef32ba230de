// y = exp(x), sqrt(x), |x|, or x clamped to a range, element by element, for distributions and norms.

import { type DType, f32, type Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The functions of one number. */
export type Unary = 'exp' | 'sqrt' | 'abs';

/** The kernel of a function of one number. Bindings: x, out. */
export function unaryKernel(op: Unary, shape: readonly number[], dtype: DType): Kernel {
  return elementwiseKernel({ label: op, shape, inputs: { x: { shape, dtype } }, dtype, value: `${op}(x)` });
}

/** The kernel of min(max(x, low), high). Bindings: x, out. */
export function clampKernel(low: number, high: number, shape: readonly number[], dtype: DType): Kernel {
  return elementwiseKernel({
    label: 'clamp',
    shape,
    inputs: { x: { shape, dtype } },
    dtype,
    scalars: { low: f32(low), high: f32(high) },
    value: 'select(select(x, V(u.high), x > V(u.high)), V(u.low), x < V(u.low))', // a NaN stays NaN
  });
}
