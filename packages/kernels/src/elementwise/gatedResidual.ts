// out = x + gate * y, with one gate vector per batch item (or one for all items), broadcast over the rows of the item.
// Legend: x, y [B, ..., D]; gate [B, D] or [D].

import type { DType, Kernel } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The kernel of a gated residual. Bindings: x, gate, y, out. */
export function gatedResidualKernel(shape: readonly number[], gate: readonly number[], dtype: DType): Kernel {
  return elementwiseKernel({
    label: 'gatedResidual',
    shape,
    inputs: {
      x: { shape, dtype },
      gate: { shape: perItem(gate, shape.length), dtype },
      y: { shape, dtype },
    },
    dtype,
    value: 'x + gate * y',
  });
}

/** `[B, D]` as `[B, 1, ..., D]`, so that it broadcasts over the rows of a batch item; `[D]` as it is. */
export function perItem(shape: readonly number[], rank: number): number[] {
  if (shape.length < 2) return [...shape];
  return [shape[0]!, ...new Array(Math.max(0, rank - 2)).fill(1), ...shape.slice(1)];
}
