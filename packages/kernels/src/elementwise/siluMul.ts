// y = silu(a) * b: the gate of SwiGLU when the two products are separate tensors.
import { activationWGSL } from '../activation.ts';
import type { DType, Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of a SwiGLU gate. Bindings: a, b, out. */
export function siluMulKernel(shape: readonly number[], dtype: DType): Kernel {
  return elementwiseKernel({
    label: 'siluMul',
    shape,
    inputs: { a: { shape, dtype }, b: { shape, dtype } },
    dtype,
    functions: activationWGSL('silu', 'V'),
    value: 'activate(a) * b',
  });
}
