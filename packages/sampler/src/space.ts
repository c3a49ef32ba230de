// The arithmetic that solvers need of what flows: tensors on a device, or numbers on the host, where the video is too large for
// the device.

import { eulerStep, mul, type Tensor } from '@moviegen/tensor';

/** What a solver does with X_t and velocities. */
export interface Space<X> {
  /** x + h u. */
  step(x: X, u: X, h: number): X;
  /** x s, a new one. */
  scaled(x: X, s: number): X;
  values(x: X): Promise<ArrayLike<number>>;
}

/** Tensors. */
export const onDevice: Space<Tensor> = {
  step: eulerStep,
  scaled: mul,
  values: (x) => x.read(),
};

/** Numbers on the host, in f32. */
export const onHost: Space<Float32Array<ArrayBuffer>> = {
  step: (x, u, h) => x.map((value, i) => value + h * u[i]!),
  scaled: (x, s) => x.map((value) => value * s),
  values: async (x) => x,
};
