// Normally distributed noise from a seed, the same on every adapter.

import { type DType, type NoiseOptions, randnKernel } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';

/** Options of {@link randn}. */
export interface RandnOptions extends NoiseOptions {
  /** Default f32. */
  readonly dtype?: DType | undefined;
}

/**
 * Standard normals by Philox 4x32-10: element i depends on seed, stream and i alone, and is the same
 * within 1e-6 on every adapter.
 * @throws where seed, stream or start is out of range, or the type is neither f32 nor f16.
 */
export function randn(device: Device, shape: readonly number[], options: RandnOptions): Tensor {
  const { dtype = 'f32', ...noise } = options;
  if (dtype !== 'f32' && dtype !== 'f16') throw new Error(`randn: dtype must be f32 or f16, got ${dtype}`);
  randnKernel(0, noise, dtype); // checks the options before anything is allocated
  const out = Tensor.empty(device, shape, dtype);
  let start = noise.start ?? 0;
  inParts('randn', shape, 0, { out }, (_, parts) => {
    device.run(randnKernel(parts.out.size, { ...noise, start }, dtype), [parts.out]);
    start += parts.out.size;
  });
  return out;
}
