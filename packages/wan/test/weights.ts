// Weights for tests that need any: normal numbers, scaled so that activations keep their size.

import { type Device, mul, randn, scope, type Tensor } from '@moviegen/tensor';

/** Tensors of the given shapes; the caller owns them. */
export function randomWeights(
  device: Device,
  shapes: Readonly<Record<string, readonly number[]>>,
): Record<string, Tensor> {
  const entries = Object.entries(shapes).map(([name, shape], seed): [string, Tensor] => {
    const inputs = shape.slice(1).reduce((a, b) => a * b, 1);
    return [name, scope(device, () => mul(randn(device, shape, { seed }), 1 / Math.sqrt(inputs)))];
  });
  return Object.fromEntries(entries);
}
