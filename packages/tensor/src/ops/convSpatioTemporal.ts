import {
  type Activation,
  BYTES,
  type ConvOptions,
  convSizes,
  convSpatioTemporalKernel,
  convSpatioTemporalVariants,
  framesMade,
  PAIR,
} from '@moviegen/kernels';
import { scope } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { Route } from '../tuner.ts';
import { conv2d, conv3d, convChoice } from './conv.ts';
import { expectShape, sameType } from './operands.ts';
import { type PackedConv, packConv } from './pack.ts';
import { show, sizeOf } from './shapes.ts';

/** Options of {@link convSpatioTemporal}. */
export interface SpatioTemporalOptions {
  /** Of the spatial convolution, [O]. */
  readonly spatialBias?: Tensor | undefined;
  /** Of the temporal convolution, [O]. */
  readonly bias?: Tensor | undefined;
  /** Of the result's shape, added last. */
  readonly residual?: Tensor | undefined;
  /** Of the result, before the residual. */
  readonly activation?: Activation | undefined;
  /** Zeros around a frame: along both axes, or low and high side of each. Default 0. */
  readonly padding?: number | readonly (readonly [number, number])[] | undefined;
  /** Steps over T, H and W. Default 1. */
  readonly stride?: readonly [t: number, h: number, w: number] | undefined;
  /** Factors of nearest upsampling: over H and W before the spatial, over T before the temporal one. Default 1. */
  readonly upsample?: readonly [t: number, h: number, w: number] | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/** The axes of a weight by which the two convolutions are two kernels. */
const along = ({ tensor, use, shape }: PackedConv): PackedConv => ({
  ...{ tensor, use },
  shape: [...shape.slice(0, 3), 1, 1],
});

/**
 * A convolution of each frame and one over T after it, kernel 3, where frames before the first and after the last are
 * like those: x [B, T, H, W, C], spatial [O, C, kh, kw] and temporal [O, O, 3] (or [O, O, 3, 1, 1]), prepacked by
 * {@link packConv} where they are constant, to [B, T', H', W', O]. In one kernel, which never writes what lies
 * between, where that is known to be faster; else in two.
 * @throws where shapes, types or the window do not fit.
 */
export function convSpatioTemporal(
  x: Tensor,
  spatial: Tensor | PackedConv,
  temporal: Tensor | PackedConv,
  options: SpatioTemporalOptions = {},
): Tensor {
  const op = 'convSpatioTemporal';
  const { spatialBias, bias, residual, activation, padding = 0, variant } = options;
  const [stride = 1, ...strides] = options.stride ?? [1, 1, 1];
  const [upsample = 1, ...factors] = options.upsample ?? [1, 1, 1];
  const came = `got x ${show(x.shape)}, spatial ${show(spatial.shape)}, temporal ${show(temporal.shape)}`;
  const [O] = spatial.shape;
  const three = temporal.shape.slice(2).join();
  if (x.rank !== 5 || spatial.shape.length !== 4) {
    throw new Error(`${op}: expected x [B, T, H, W, C] and spatial [O, C, kh, kw]: ${came}`);
  }
  if (temporal.shape[0] !== O || temporal.shape[1] !== O || (three !== '3' && three !== '3,1,1')) {
    throw new Error(`${op}: expected temporal [${O}, ${O}, 3]: ${came}`);
  }
  const [B, T, ...frame] = x.shape as [number, number, ...number[]];
  const layout = 'channels-last';
  const inSpace: ConvOptions = { layout, padding, stride: strides, upsample: factors };
  const inTime: ConvOptions = {
    ...{ layout, stride: [stride, 1, 1], upsample: [upsample, 1, 1], paddingMode: 'replicate' },
    padding: [
      [1, 1],
      [0, 0],
      [0, 0],
    ],
    ...(activation && { activation }),
  };
  const between = convSizes([B * T, ...frame], spatial.shape, inSpace); // [B T, H', W', O]
  const sizes = { spatial: { ...between.shape, activation }, frames: T, stride, upsample };
  const between5 = [B, T, ...between.out.slice(1)];
  const outShape = [B, framesMade(sizes), ...between.out.slice(1)];
  for (const [name, tensor] of Object.entries({ spatialBias, bias })) expectShape(op, name, tensor, [O!]);
  expectShape(op, 'residual', residual, outShape);
  const numbers = (weight: Tensor | PackedConv) => (weight instanceof Tensor ? weight : weight.tensor);
  const weights = { spatial: numbers(spatial), temporal: numbers(temporal) };
  const dtype = sameType(op, { x, ...weights, spatialBias, bias, residual });
  const { device } = x;
  if (sizeOf(outShape) === 0) return Tensor.empty(device, outShape, dtype);

  return scope(device, () => {
    const packed = (weight: Tensor | PackedConv) => (weight instanceof Tensor ? packConv(weight) : weight);
    const [first, second] = [packed(spatial), along(packed(temporal))];
    const parts = { spatialBias: spatialBias !== undefined, bias: bias !== undefined };
    const own = { ...parts, residual: residual !== undefined };
    const make = (name: string) => {
      const pitches = [first.tensor.shape[2]!, second.tensor.shape[2]!] as const;
      return convSpatioTemporalKernel(sizes, pitches, own, dtype, device.target, name);
    };
    const route: Route = {
      ...{ op, dtype, sizes: [B * between.out[1]! * between.out[2]!, outShape[1]!, O!, frame[2]!] },
      variants: convSpatioTemporalVariants(sizes, device.target, dtype),
      steps(name) {
        const bytes = [x.bytes, first.tensor.bytes, second.tensor.bytes];
        const [small, middle, result] = [[O!], between5, outShape].map((s) => sizeOf(s) * BYTES[dtype]);
        if (name !== PAIR) {
          const choice = { op, dtype, sizes: [], variants: [name], make };
          return [{ choice, bytes: [...bytes, small!, small!, result!, result!] }];
        }
        const spatialParts = { bias: parts.spatialBias, residual: false };
        const after = convSizes(between5, second.shape, inTime).shape;
        const { target } = device;
        return [
          {
            choice: convChoice(between.shape, first, spatialParts, dtype, target),
            bytes: [bytes[0]!, bytes[1]!, small!, small!, middle!],
          },
          {
            choice: convChoice(after, second, own, dtype, target),
            bytes: [middle!, bytes[2]!, small!, result!, result!],
          },
        ];
      },
    };
    const chosen = variant ?? device.route(route);
    if (chosen === PAIR) {
      const frames = conv2d(x.reshape([B * T, ...frame]), first, { ...inSpace, bias: spatialBias });
      return conv3d(frames.reshape(between5), second, { ...inTime, bias, residual });
    }
    const out = Tensor.empty(device, outShape, dtype);
    const operands = [x, first.tensor, second.tensor, spatialBias ?? x, bias ?? x, residual ?? x, out];
    device.run(make(chosen), operands);
    return out;
  });
}
