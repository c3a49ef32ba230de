import { sizeOf, softmaxKernel, softmaxVariants } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { axisOf, sameType } from './operands.ts';
import { runVariant } from './variant.ts';

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
  const [N, I] = [x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))];
  inParts('softmax', x.shape.slice(0, axis), x.rank - axis, { x, out }, (lead, parts) => {
    const shape = { A: sizeOf(lead), N, I };
    const { target } = x.device;
    const choice = {
      ...{ op: 'softmax', dtype, sizes: [shape.A, N, I] },
      variants: softmaxVariants(shape, target),
      make: (name: string) => softmaxKernel(shape, dtype, target, name),
    };
    runVariant(x.device, options.variant, choice, [parts.x, parts.out]);
  });
  return out;
}
