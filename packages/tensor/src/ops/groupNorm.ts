import { type Activation, groupNormKernels, show, sizeOf } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { expectShape, sameType } from './operands.ts';

/** Options of {@link groupNorm}. */
export interface GroupNormOptions {
  readonly groups: number;
  /** [C]. */
  readonly weight?: Tensor | undefined;
  /** [C]. */
  readonly bias?: Tensor | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number | undefined;
  /** Applied last. */
  readonly activation?: Activation | undefined;
  /** [B, ..., C], or [B, C, ...] (the default, PyTorch's). */
  readonly layout?: 'channels-first' | 'channels-last' | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/**
 * (x - mean) / sqrt(var + eps) over the positions and channels of each group of one batch item, times
 * weight, plus bias. Accumulates in f32, in two steps, so that large offsets do not cancel.
 * @throws where shapes or types do not fit.
 */
export function groupNorm(x: Tensor, options: GroupNormOptions): Tensor {
  const { groups, weight, bias, eps = 1e-5, activation, layout = 'channels-first', variant } = options;
  const last = layout === 'channels-last';
  if (x.rank < 2) throw new Error(`groupNorm: x ${show(x.shape)} needs a batch axis and a channel axis`);
  const B = x.shape[0]!;
  const C = last ? x.shape.at(-1)! : x.shape[1]!;
  if (!Number.isInteger(groups) || groups < 1 || C % groups !== 0) {
    throw new Error(
      `groupNorm: groups=${groups} must divide the channels, ${C} of ${show(x.shape)} ${layout}`,
    );
  }
  expectShape('groupNorm', 'weight', weight, [C]);
  expectShape('groupNorm', 'bias', bias, [C]);
  const dtype = sameType('groupNorm', { x, weight, bias });
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;

  const P = sizeOf(last ? x.shape.slice(1, -1) : x.shape.slice(2));
  const { device } = x;
  const kernels = groupNormKernels(
    {
      B,
      P,
      C,
      G: groups,
      eps,
      layout,
      weight: weight !== undefined,
      bias: bias !== undefined,
      ...(activation && { activation }),
    },
    dtype,
    device.target,
    variant,
  );
  const parts = Tensor.empty(device, [kernels.parts], 'f32', 'groupNorm parts');
  const moments = Tensor.empty(device, [kernels.moments], 'f32', 'groupNorm moments');
  device.run(kernels.statistics, [x, parts]);
  device.run(kernels.fold, [parts, moments]);
  const operands = [x, moments, weight, bias, out].filter((tensor) => tensor !== undefined);
  device.run(kernels.apply, operands);
  parts.dispose();
  moments.dispose();
  return out;
}
