// CPU reference of conv1d, conv2d and conv3d, channels first or last: upsample, pad, then the sum of the
// definition. A zero of the padding is multiplied like any other number.
import { type Activation, activations } from '../activation.ts';
import { at, generate, type NDArray, operand, type Reference } from './ndarray.ts';

type Side = number | readonly [number, number];
const list = (value: unknown, rank: number, missing: number): number[] =>
  Array.isArray(value) ? value : new Array(rank).fill(value ?? missing);

/** From any layout to [B, C, T, H, W]. */
function toFive(x: NDArray, channelsLast: boolean): NDArray {
  const [B, ...rest] = x.shape;
  const C = channelsLast ? rest.at(-1)! : rest[0]!;
  const space = channelsLast ? rest.slice(0, -1) : rest.slice(1);
  return generate([B!, C, ...new Array(3 - space.length).fill(1), ...space], x.dtype, ([b, c, ...p]) => {
    const own = p.slice(3 - space.length);
    return at(x, channelsLast ? [b!, ...own, c!] : [b!, c!, ...own]);
  });
}

/** x after the frames that precede it, both channels last. */
function joined(before: NDArray | undefined, x: NDArray): NDArray {
  if (!before) return x;
  const n = before.shape[1]!;
  const [B, T, ...rest] = x.shape;
  return generate([B!, n + T!, ...rest], x.dtype, ([b, t, ...place]) =>
    t! < n ? at(before, [b!, t!, ...place]) : at(x, [b!, t! - n, ...place]),
  );
}

/** y[b, o, p] = activation(bias[o] + sum W[o, i, tap] x[b, i, p stride + tap dilation - pad]) + residual. */
export const conv: Reference = (inputs, options) => {
  const weight = operand(inputs, 'weight');
  const { bias, residual } = inputs;
  const rank = weight.shape.length - 2;
  const channelsLast = options.layout === 'channels-last';
  const x = toFive(joined(inputs.before, operand(inputs, 'x')), channelsLast);
  const three = (value: unknown, missing: number) => [
    ...new Array<number>(3 - rank).fill(missing),
    ...list(value, rank, missing),
  ];
  const [stride, dilation, scale] = [
    three(options.stride, 1),
    three(options.dilation, 1),
    three(options.upsample, 1),
  ];
  const sides = [...new Array<Side>(3 - rank).fill(0), ...(list(options.padding, rank, 0) as Side[])];
  const pads = sides.map((side) => (typeof side === 'number' ? [side, side] : side));
  const kernel = [...new Array<number>(3 - rank).fill(1), ...weight.shape.slice(2)];
  const groups = (options.groups as number | undefined) ?? 1;
  const [B, , ...input] = x.shape;
  const [O, perGroup] = [weight.shape[0]!, weight.shape[1]!];
  const sizes = input.map((size, i) => size * scale[i]!);
  const output = sizes.map((size, i) => {
    const free = size + pads[i]![0]! + pads[i]![1]! - dilation[i]! * (kernel[i]! - 1) - 1;
    return Math.floor(free / stride[i]!) + 1;
  });
  const activate = options.activation
    ? activations[options.activation as Activation]
    : (value: number) => value;

  /** x upsampled and padded, at [b, c] and a position that may lie outside. */
  const read = (b: number, c: number, position: readonly number[]) => {
    const inside = position.map((p, i) => Math.min(Math.max(p, 0), sizes[i]! - 1));
    if (options.paddingMode !== 'replicate' && inside.some((p, i) => p !== position[i])) return 0;
    const [t, h, w] = inside.map((p, i) => Math.floor(p / scale[i]!));
    return x.data[(((b * x.shape[1]! + c) * input[0]! + t!) * input[1]! + h!) * input[2]! + w!]!;
  };
  const result = generate([B!, O, ...output], x.dtype, ([b, o, ...p]) => {
    let sum = bias?.data[o!] ?? 0;
    const first = Math.floor(o! / (O / groups)) * perGroup;
    let tap = 0;
    for (let kt = 0; kt < kernel[0]!; kt++) {
      for (let kh = 0; kh < kernel[1]!; kh++) {
        for (let kw = 0; kw < kernel[2]!; kw++, tap++) {
          const position = [kt, kh, kw].map((k, i) => p[i]! * stride[i]! + k * dilation[i]! - pads[i]![0]!);
          for (let i = 0; i < perGroup; i++) {
            const w = weight.data[(o! * perGroup + i) * (kernel[0]! * kernel[1]! * kernel[2]!) + tap]!;
            sum += w * read(b!, first + i, position);
          }
        }
      }
    }
    return activate(sum);
  });
  const space = output.slice(3 - rank);
  const shape = channelsLast ? [B!, ...space, O] : [B!, O, ...space];
  return generate(shape, x.dtype, (index) => {
    const [b, ...rest] = index;
    const o = channelsLast ? rest.at(-1)! : rest[0]!;
    const own = channelsLast ? rest.slice(0, -1) : rest.slice(1);
    const value = at(result, [b!, o, ...new Array<number>(3 - rank).fill(0), ...own]);
    return value + (residual ? at(residual, index) : 0);
  });
};
