// Convolutions over one, two or three axes. Channels-last ones without groups run as an implicit matrix product with a packed
// weight; all others run in one plain kernel. Not here: input larger than a binding, which models cut into tiles.

import {
  type ConvShape,
  convDirectKernel,
  convKernel,
  convSizes,
  convVariants,
  type DType,
  show,
  sizeOf,
  type Target,
  type ConvOptions as Window,
} from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import type { Choice } from '../tuning/tuner.ts';
import { expectShape, sameType } from './operands.ts';
import { type PackedConv, packConv } from './pack.ts';
import { runVariant } from './variant.ts';

/** Options of the convolutions; a number stands for all axes. Everything runs in one kernel with the convolution. */
export interface ConvOptions extends Window {
  /** [O]. */
  readonly bias?: Tensor | undefined;
  /** Has the result's shape; added last. */
  readonly residual?: Tensor | undefined;
  /**
   * [B, n, H, W, C], conv3d channels-last only: frames that precede x, as if the two were joined along T without the copy. So the
   * pieces of a video can be convolved as the whole video is.
   */
  readonly before?: Tensor | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/** The variants of one convolution as an implicit product. */
function convChoice(
  shape: ConvShape,
  weight: PackedConv,
  parts: { readonly bias: boolean; readonly residual: boolean },
  dtype: DType,
  target: Target,
): Choice {
  const { batch, output, kernel } = shape;
  return {
    op: 'conv',
    dtype,
    sizes: [batch * sizeOf(output), shape.O, shape.C, sizeOf(kernel)],
    variants: convVariants(shape, target, dtype),
    make: (name) => convKernel(shape, weight.tensor.shape[2]!, parts, dtype, target, name),
  };
}

function conv(
  op: string,
  rank: number,
  x: Tensor,
  weight: Tensor | PackedConv,
  options: ConvOptions,
): Tensor {
  const { bias, residual, before, variant } = options;
  const { shape, out: outShape } = convSizes(x.shape, weight.shape, options, before?.shape);
  if (weight.shape.length !== rank + 2) {
    const want = `${rank + 2} axes [O, I / groups, ...kernel]`;
    throw new Error(`${op}: weight ${show(weight.shape)} has ${weight.shape.length} axes, expected ${want}`);
  }
  const numbers = weight instanceof Tensor ? weight : weight.tensor;
  expectShape(op, 'bias', bias, [shape.O]);
  expectShape(op, 'residual', residual, outShape);
  const dtype = sameType(op, { x, weight: numbers, bias, residual, before });
  const out = Tensor.empty(x.device, outShape, dtype);
  if (!out.size) return out;
  const parts = { bias: bias !== undefined, residual: residual !== undefined };
  const rest = [bias, residual, out].filter((tensor) => tensor !== undefined);
  const product = shape.channelsLast && shape.groups === 1;
  if (!product) {
    if (!(weight instanceof Tensor)) {
      const got = `layout ${shape.channelsLast ? 'channels-last' : 'channels-first'}, groups=${shape.groups}`;
      throw new Error(
        `${op}: a packed weight is for channels-last and groups=1, got ${got}; pass the plain weight`,
      );
    }
    x.device.run(convDirectKernel(shape, parts, dtype), [x, weight, ...rest]);
    return out;
  }
  const packed = weight instanceof Tensor ? packConv(weight) : weight;
  const choice = convChoice(shape, packed, parts, dtype, x.device.target);
  const operands = [x, packed.tensor, bias ?? x, residual ?? x, out, ...(before ? [before] : [])];
  runVariant(x.device, variant, choice, operands);
  if (weight instanceof Tensor) packed.tensor.dispose();
  return out;
}

/**
 * Convolution over one axis: x [B, C, W] (channels-last: [B, W, C]), weight [O, C / groups, kw]. The fast path is
 * channels-last with a constant weight that {@link packConv} has packed beforehand.
 * y = activation(conv(x) + bias) + residual; `upsample` enlarges x (nearest) inside the kernel.
 * @throws where shapes, groups or the window do not fit.
 */
export function conv1d(x: Tensor, weight: Tensor | PackedConv, options: ConvOptions = {}): Tensor {
  return conv('conv1d', 1, x, weight, options);
}

/** Convolution over two axes: x [B, C, H, W] (channels-last: [B, H, W, C]), weight [O, C / groups, kh, kw]; see {@link conv1d}. */
export function conv2d(x: Tensor, weight: Tensor | PackedConv, options: ConvOptions = {}): Tensor {
  return conv('conv2d', 2, x, weight, options);
}

/** Convolution over three axes: x [B, C, T, H, W] (channels-last: [B, T, H, W, C]), weight [O, C / groups, kt, kh, kw]; see {@link conv1d}. */
export function conv3d(x: Tensor, weight: Tensor | PackedConv, options: ConvOptions = {}): Tensor {
  return conv('conv3d', 3, x, weight, options);
}
