// y = exp(x), sqrt(x), |x|, or x clamped to a range, element by element, for distributions and norms.

import { type DType, type Kernel, uniformOf } from '../kernel.ts';
import { nanWGSL } from '../wgsl.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The functions of one number. */
export type Unary = 'exp' | 'sqrt' | 'abs';

/** The kernel of a function of one number. Bindings: x, out. */
export function unaryKernel(op: Unary, shape: readonly number[], dtype: DType): Kernel {
  // The exp of some adapters makes an infinity of a NaN.
  const value = op === 'exp' ? `select(exp(x), x, ${nanWGSL('x')})` : `${op}(x)`;
  return elementwiseKernel({ label: op, shape, inputs: { x: { shape, dtype } }, dtype, value });
}

/** The kernel of min(max(x, low), high). Bindings: x, out. */
export function clampKernel(low: number, high: number, shape: readonly number[], dtype: DType): Kernel {
  const integer = dtype === 'i32' || dtype === 'u32';
  const clamped = 'clamp(x, V(u.low), V(u.high))';
  return elementwiseKernel({
    label: 'clamp',
    shape,
    inputs: { x: { shape, dtype } },
    dtype,
    scalars: { low: uniformOf(dtype, low), high: uniformOf(dtype, high) },
    value: integer ? clamped : `select(${clamped}, x, ${nanWGSL('x')})`,
  });
}
