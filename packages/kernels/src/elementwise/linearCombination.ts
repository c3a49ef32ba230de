// A sum of tensors, each times a number: w0 x0 + w1 x1 + ... The updates of multistep solvers are such sums.

import { type DType, f32, type Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of a linear combination, as many tensors as there are weights. Bindings: x0, x1, ..., out. */
export function linearCombinationKernel(
  shape: readonly number[],
  weights: readonly number[],
  dtype: DType,
): Kernel {
  const each = <T>(name: string, of: (weight: number) => T) =>
    Object.fromEntries(weights.map((weight, i) => [`${name}${i}`, of(weight)]));
  return elementwiseKernel({
    label: `linearCombination ${weights.length}`,
    shape,
    inputs: each('x', () => ({ shape, dtype })),
    dtype,
    scalars: each('w', f32),
    value: weights.map((_, i) => `u.w${i} * x${i}`).join(' + '),
  });
}
