// softmax(q k^T * scale + bias) v per head, with an online softmax: scores live in registers or workgroup memory, and
// the N x M matrix is never written. Legend: B batch, H heads, G heads of keys and values, N queries, M keys, D size of a
// head, V size of a value's head; q [B, N, H D], k [B, M, G D] and v [B, M, G V] as columns of wider rows, out [B, N, H V].
// A query that sees no key gives 0. Where V is not D, the plain kernel is the only one. Accumulates in f32.

import type { DType, Kernel, Target } from '../kernel.ts';
import { attentionLanesKernel, attentionLanesPays, attentionLanesVariants, isLanesVariant } from './lanes.ts';
import { attentionMatrixFits, attentionMatrixKernel } from './matrix.ts';
import { attentionPlainKernel } from './plain.ts';
import type { AttentionShape } from './shape.ts';
import { attentionSharedFits, attentionSharedKernel } from './shared.ts';

/** Variants for this shape on this adapter, best first. */
export function attentionVariants(shape: AttentionShape, target: Target, dtype: DType = 'f32'): string[] {
  const lanes = attentionLanesVariants(shape, target);
  const shared = attentionSharedFits(shape, target) ? ['shared'] : [];
  const matrix = dtype === 'f16' && attentionMatrixFits(shape, target) ? ['matrix'] : [];
  if (!target.software) return [...matrix, ...shared, 'plain'];
  const best = attentionLanesPays(shape) ? [...lanes, 'plain'] : ['plain', ...lanes];
  return [...best, ...shared, ...matrix];
}

/** The kernel of one attention. Bindings: q, k, v, [keyLengths], [bias], out. */
export function attentionKernel(
  shape: AttentionShape,
  dtype: DType,
  target: Target,
  variant: string = attentionVariants(shape, target, dtype)[0]!,
): Kernel {
  const names = attentionVariants(shape, target, dtype);
  if (!names.includes(variant)) {
    throw new Error(`attention: no variant "${variant}" on this adapter; it has ${names.join(', ')}`);
  }
  const { batch, heads, N, M, D, valueSize } = shape;
  return { ...kernelOf(variant, shape, dtype, target), flops: 2 * batch * heads * N * M * (D + valueSize) };
}

function kernelOf(variant: string, shape: AttentionShape, dtype: DType, target: Target): Kernel {
  if (variant === 'matrix') return attentionMatrixKernel(shape, target);
  if (isLanesVariant(variant)) return attentionLanesKernel(shape, dtype, target, variant);
  return variant === 'shared' ? attentionSharedKernel(shape, dtype) : attentionPlainKernel(shape, dtype);
}
