import { show, timestepEmbeddingKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';

/** Options of {@link timestepEmbedding}. */
export interface TimestepOptions {
  /** Even: half of it cosines, then as many sines. */
  readonly dim: number;
  /** What t is multiplied by. Default 1000. */
  readonly scale?: number | undefined;
  /** Default 10000. */
  readonly maxPeriod?: number | undefined;
}

/**
 * cos, then sin, of scale t maxPeriod^(-i / (dim / 2)); t [B] -> [B, dim]. Exact to 1e-6 for t from -1 to 1.
 * @throws where dim is odd or t has not one axis.
 */
export function timestepEmbedding(t: Tensor, options: TimestepOptions): Tensor {
  const { dim, scale = 1000, maxPeriod = 10000 } = options;
  const dtype = sameType('timestepEmbedding', { t });
  if (t.rank !== 1) throw new Error(`timestepEmbedding: t ${show(t.shape)} must be [B]`);
  if (!Number.isInteger(dim) || dim < 2 || dim % 2 !== 0 || dim > 4096) {
    throw new Error(`timestepEmbedding: dim=${dim} must be even, from 2 to 4096`);
  }
  const out = Tensor.empty(t.device, [t.size, dim], dtype);
  const shape = { B: t.size, D: dim, scale, maxPeriod };
  if (out.size > 0) t.device.run(timestepEmbeddingKernel(shape, dtype), [t, out]);
  return out;
}
