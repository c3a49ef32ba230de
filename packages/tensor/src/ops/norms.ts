// Layer norm and RMS norm over the last axis; the modulation of adaLN may follow in the same kernel.
import {
  type Activation,
  layerNormKernel,
  type NormShape,
  normVariants,
  rmsNormKernel,
  sizeOf,
} from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectShape, sameType, streamType } from './operands.ts';
import { type PerItemOptions, perItem } from './perItem.ts';
import { runVariant } from './variant.ts';

/** Options of {@link layerNorm} and {@link rmsNorm}. */
export interface NormOptions extends PerItemOptions {
  /** [D]. */
  readonly weight?: Tensor | undefined;
  /** [D]. */
  readonly bias?: Tensor | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number | undefined;
  /**
   * adaLN: y (1 + scale) + shift, both [B, D] with B the first axis of x, or both [D]; with `early` two vectors for each.
   * Neither comes without the other.
   */
  readonly shift?: Tensor | undefined;
  readonly scale?: Tensor | undefined;
  /** Applied last. */
  readonly activation?: Activation | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

type Make = typeof layerNormKernel;

function norm(op: string, make: Make, x: Tensor, options: NormOptions): Tensor {
  const { weight, bias, eps = 1e-5, shift, scale, early, activation, variant } = options;
  const D = x.shape.at(-1);
  if (D === undefined) throw new Error(`${op}: x is a scalar; it needs a last axis`);
  expectShape(op, 'weight', weight, [D]);
  expectShape(op, 'bias', bias, [D]);
  if ((shift === undefined) !== (scale === undefined)) {
    throw new Error(`${op}: shift and scale come together: got only ${shift ? 'shift' : 'scale'}`);
  }
  const modulation = perItem(op, { shift, scale }, x.shape.slice(0, -1), D, early);
  const others = { weight, bias, shift, scale };
  const dtype = sameType(op, Object.values(others).some(Boolean) ? others : { x });
  const input = streamType(op, 'x', x, dtype);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  const cut = modulation.cut ? { shift, scale } : {};
  inParts(op, x.shape.slice(0, -1), 1, { x, ...cut, out }, (lead, parts, before) => {
    const rows = sizeOf(lead);
    const own = modulation.cut ? parts : { shift, scale };
    const shape: NormShape = {
      rows,
      D,
      eps,
      weight: weight !== undefined,
      bias: bias !== undefined,
      ...(own.shift && { modulate: modulation.rows(rows, before, own.shift.size) }),
      ...(activation && { activation }),
      input,
    };
    const operands = [parts.x, weight, bias, own.shift, own.scale, parts.out];
    const { target } = x.device;
    const choice = {
      op,
      dtype,
      sizes: [rows, D],
      variants: normVariants(target),
      make: (name: string) => make(shape, dtype, target, name),
    };
    runVariant(
      x.device,
      variant,
      choice,
      operands.filter((tensor) => tensor !== undefined),
    );
  });
  return out;
}

/**
 * (x - mean) / sqrt(var + eps) over the last axis, times weight, plus bias; x [..., D]. Variance in two
 * passes and in f32.
 * @throws where shapes or types do not fit.
 */
export function layerNorm(x: Tensor, options: NormOptions = {}): Tensor {
  return norm('layerNorm', layerNormKernel, x, options);
}

/**
 * x / sqrt(mean(x^2) + eps) over the last axis, times weight; x [..., D]. Accumulates in f32.
 * @throws where shapes or types do not fit.
 */
export function rmsNorm(x: Tensor, options: NormOptions = {}): Tensor {
  return norm('rmsNorm', rmsNormKernel, x, options);
}
