import { softmaxKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';
import { axisOf, sizeOf } from './shapes.ts';

/** Options of {@link softmax}. */
export interface SoftmaxOptions {
  /** Default -1, the last. */
  readonly axis?: number | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/**
 * exp(x) / sum exp(x) along one axis, safe for large x. Accumulates in f32.
 * @throws where there is no such axis.
 */
export function softmax(x: Tensor, options: SoftmaxOptions = {}): Tensor {
  const dtype = sameType('softmax', { x });
  const axis = axisOf('softmax', options.axis ?? -1, x);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  const shape = { A: sizeOf(x.shape.slice(0, axis)), N: x.shape[axis]!, I: sizeOf(x.shape.slice(axis + 1)) };
  x.device.run(softmaxKernel(shape, dtype, x.device.target, options.variant), [x, out]);
  return out;
}
