// One Euler step of the flow: x + dt u.
import { elementwiseKernel } from './elementwise.ts';
import { type DType, f32, type Kernel } from './kernel.ts';

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
