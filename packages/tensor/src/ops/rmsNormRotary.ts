// RMS norm and rotary positions of queries and keys, in one kernel.

import { normVariants, rmsNormRotaryKernel, show, sizeOf } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { asColumns, type Columns } from './columns.ts';
import { inParts } from './large/parts.ts';
import { sameType } from './operands.ts';
import { runVariant } from './variant.ts';

/** Options of {@link rmsNormRotary}. */
export interface RotaryOptions {
  /** [P, D], one row per projection. */
  readonly weight: Tensor;
  /** f32 [N, head size]: cosine and sine of each pair of neighbours, side by side. */
  readonly rotary: Tensor;
  /** Default 1e-5. */
  readonly eps?: number | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/**
 * x / sqrt(mean(x^2) + eps) weight over the D values of each of P projections that lie side by side, then every head rotated:
 * neighbours (a, b) become (a cos - b sin, a sin + b cos). Accumulates in f32.
 * @param x [B, N, P D], or such columns of a wider tensor.
 * @returns [B, N, P D].
 * @throws where shapes or types do not fit, or the sizes are no multiples of 4.
 */
export function rmsNormRotary(x: Tensor | Columns, options: RotaryOptions): Tensor {
  const { weight, rotary, eps = 1e-5, variant } = options;
  const { tensor, start, width } = asColumns(x);
  const [B = 0, N = 0, pitch = 0] = tensor.shape;
  const [P = 0, D = 0] = weight.shape;
  const d = rotary.shape[1] ?? 0;
  const fits =
    tensor.rank === 3 &&
    weight.rank === 2 &&
    rotary.rank === 2 &&
    rotary.dtype === 'f32' &&
    rotary.shape[0] === N &&
    width === P * D &&
    D % d === 0;
  if (!fits)
    throw new Error(
      `rmsNormRotary: got x ${show(tensor.shape)} columns ${start} to ${start + width}, weight ${show(weight.shape)}, ` +
        `rotary ${rotary.dtype} ${show(rotary.shape)}; expected x [B, N, P D], weight [P, D], rotary f32 [N, head size]`,
    );
  if ([d, D, start, pitch].some((size) => size % 4 !== 0))
    throw new Error(
      `rmsNormRotary: head size ${d}, width ${D}, first column ${start} and row ${pitch} must be multiples of 4`,
    );
  const dtype = sameType('rmsNormRotary', { x: tensor, weight });
  const { device } = tensor;
  const out = Tensor.empty(device, [B, N, P * D], dtype);
  if (out.size === 0) return out;
  const table = rotary.reshape([1, N, d]);
  inParts('rmsNormRotary', [B, N], 1, { x: tensor, rotary: table, out }, (lead, parts) => {
    const rows = sizeOf(lead);
    const shape = {
      rows,
      projections: P,
      D,
      headSize: d,
      tokens: parts.rotary.size / d,
      x: { pitch, start },
      eps,
    };
    const { target } = device;
    const choice = {
      op: 'rmsNormRotary',
      dtype,
      sizes: [rows * P, D],
      variants: normVariants(target),
      make: (name: string) => rmsNormRotaryKernel(shape, dtype, target, name),
    };
    runVariant(device, variant, choice, [parts.x, weight, parts.rotary, parts.out]);
  });
  table.dispose();
  return out;
}
