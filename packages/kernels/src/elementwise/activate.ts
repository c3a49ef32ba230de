// y = activation(x), element by element: SiLU, GELU (exact and tanh), quick-GELU, ReLU.
import { type Activation, activationWGSL } from '../activation.ts';
import type { DType, Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of an activation. Bindings: x, out. */
export function activateKernel(activation: Activation, shape: readonly number[], dtype: DType): Kernel {
  return elementwiseKernel({
    label: activation,
    shape,
    inputs: { x: { shape, dtype } },
    dtype,
    functions: activationWGSL(activation, 'V'),
    value: 'activate(x)',
  });
}
