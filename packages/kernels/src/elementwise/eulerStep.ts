// One Euler step of the flow: x + dt u.

import { type DType, f32, type Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of an Euler step. Bindings: x, velocity, out. */
export function eulerStepKernel(shape: readonly number[], dt: number, dtype: DType): Kernel {
  return elementwiseKernel({
    label: 'eulerStep',
    shape,
    inputs: { x: { shape, dtype }, velocity: { shape, dtype } },
    dtype,
    scalars: { dt: f32(dt) },
    value: 'x + u.dt * velocity',
  });
}
