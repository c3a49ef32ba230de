// Cases of conv1d, conv2d and conv3d: operands x, weight, bias, residual; options as the ops', and
// packed (a weight prepacked at load, as models do). Then cases of convSpatioTemporal, whose weights are packed always.
import type { ConvOptions } from '../conv/shape.ts';
import { convSizes } from '../conv/shape.ts';
import { type Case, spec, type TensorSpec } from './case.ts';

const tolerance = {
  f32: 1e-5,
  f16: 4e-3,
  why: 'sums over taps and channels in f32, in another order than the reference; f16 rounds operands and result',
};

interface Parts extends ConvOptions {
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly packed?: boolean;
}

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

function conv(x: readonly number[], weight: readonly number[], parts: Parts, use: Case['use']): Case {
  const { bias, residual, ...options } = parts;
  const { out } = convSizes(x, weight, options);
  const inputs: Record<string, TensorSpec> = { x: spec(x), weight: spec(weight) };
  if (bias) inputs.bias = spec([weight[0]!]);
  if (residual) inputs.residual = spec(out);
  const fused = [
    options.layout === 'channels-last' ? 'last' : 'first',
    ...Object.entries(options).flatMap(([name, value]) => {
      if (name === 'layout') return [];
      if (typeof value === 'string') return [value];
      return value === true ? [name] : [`${name} ${JSON.stringify(value)}`];
    }),
    bias ? 'bias' : '',
    residual ? 'residual' : '',
  ].filter(Boolean);
  return {
    op: `conv${weight.length - 2}d`,
    name: `${x.join('x')} * ${weight.join('x')}, ${fused.join(' + ')}`,
    inputs,
    options,
    tolerance,
    flops: 2 * size(out) * size(weight.slice(1)),
    bytes: 4 * (size(x) + size(weight) + size(out) * (residual ? 2 : 1)),
    use,
  };
}

const last = { layout: 'channels-last', packed: true } as const;

export const convCases: readonly Case[] = [
  conv([1, 1, 1], [1, 1, 1], {}, 'test'),
  conv([2, 3, 9], [4, 3, 3], { padding: 1, bias: true }, 'test'),
  conv([2, 6, 11], [4, 3, 3], { groups: 2, stride: 2, dilation: 2, padding: [[2, 1]] }, 'test'),
  conv([2, 4, 5], [4, 1, 3], { groups: 4, padding: 1, paddingMode: 'replicate', activation: 'silu' }, 'test'),
  conv([1, 6, 8, 7], [4, 6, 3, 3], { padding: 1, bias: true, residual: true, activation: 'relu' }, 'test'),
  conv(
    [1, 4, 5, 6],
    [8, 2, 2, 3],
    {
      groups: 2,
      padding: [
        [0, 1],
        [2, 0],
      ],
      stride: [2, 1],
      upsample: [2, 1],
    },
    'test',
  ),
  conv([2, 5, 6, 4], [6, 2, 3, 3], { layout: 'channels-last', groups: 2, padding: 1, bias: true }, 'test'),
  conv([2, 5, 6, 4], [7, 4, 3, 3], { layout: 'channels-last', padding: 1 }, 'test'),
  conv([1, 2, 3, 5, 4], [3, 2, 3, 2, 3], { padding: 1, dilation: [1, 2, 1] }, 'test'),
  conv([1, 1, 1], [1, 1, 1], last, 'test'),
  conv([2, 9, 3], [5, 3, 3], { ...last, padding: 1, bias: true }, 'test'),
  conv([3, 8, 16], [16, 16, 3], { ...last, padding: 1, paddingMode: 'replicate', bias: true }, 'test'),
  conv([3, 7, 16], [16, 16, 3], { ...last, padding: 1, stride: 2, paddingMode: 'replicate' }, 'test'),
  conv(
    [2, 7, 9, 12],
    [20, 12, 3, 3],
    { ...last, padding: 1, bias: true, residual: true, activation: 'silu' },
    'test',
  ),
  conv(
    [1, 8, 8, 8],
    [6, 8, 3, 3],
    {
      ...last,
      stride: 2,
      padding: [
        [0, 1],
        [0, 1],
      ],
      bias: true,
    },
    'test',
  ),
  conv([1, 4, 5, 8], [8, 8, 3, 3], { ...last, padding: 1, upsample: [2, 2], bias: true }, 'test'),
  conv([2, 3, 8], [4, 8, 3], { ...last, padding: 1, upsample: [2], paddingMode: 'replicate' }, 'test'),
  conv([1, 6, 6, 8], [3, 8, 3, 3], { ...last, padding: 2, dilation: 2, bias: true }, 'test'),
  conv([1, 3, 5, 4, 4], [5, 4, 3, 3, 3], { ...last, padding: 1, bias: true, residual: true }, 'test'),
  conv([1, 2, 4, 6, 16], [24, 16, 1, 2, 2], { ...last, stride: [1, 2, 2], bias: true }, 'test'),
  conv([2, 1, 5, 7, 8], [8, 8, 1, 2, 2], { ...last, stride: [1, 2, 2], bias: true }, 'test'), // a column is left over
  // Bench rows of the project, then shapes world's TAE: 16 to 64 channels, 16 frames of 64 x 64.
  conv([4, 64, 64, 64], [64, 64, 3, 3], { ...last, padding: 1 }, 'bench'),
  conv([1, 8, 32, 32, 32], [32, 32, 3, 3, 3], { ...last, padding: 1 }, 'bench'),
  conv([2, 2, 8, 8, 16], [256, 16, 1, 2, 2], { ...last, stride: [1, 2, 2], bias: true }, 'bench'),
  conv([16, 64, 64, 16], [16, 16, 3, 3], { ...last, padding: 1, bias: true }, 'bench'),
  conv([8, 32, 32, 32], [32, 32, 3, 3], { ...last, padding: 1, bias: true, residual: true }, 'bench'),
  conv([4, 16, 16, 64], [64, 64, 3, 3], { ...last, padding: 1, bias: true }, 'bench'),
  conv([4096, 16, 16], [16, 16, 3], { ...last, padding: 1, paddingMode: 'replicate', bias: true }, 'bench'),
  conv([8, 32, 32, 32], [32, 32, 3, 3], { ...last, padding: 1, upsample: [2, 2], bias: true }, 'bench'),
  conv([16, 64, 64, 16], [3, 16, 3, 3], { ...last, padding: 1, bias: true }, 'bench'),
  conv([16, 64, 64, 3], [16, 3, 3, 3], { ...last, padding: 1, bias: true }, 'bench'),
];

interface BothParts extends Pick<ConvOptions, 'padding' | 'activation'> {
  readonly stride?: readonly [number, number, number];
  readonly upsample?: readonly [number, number, number];
  /** Biases and a residual. */
  readonly parts?: boolean;
}

function both(x: readonly number[], O: number, given: BothParts, use: Case['use']): Case {
  const { parts, ...own } = given;
  const options = { padding: 1, ...own };
  const [B, T, ...frame] = x as [number, number, ...number[]];
  const C = frame[2]!;
  const { stride = [1, 1, 1], upsample = [1, 1, 1] } = own;
  const inSpace: ConvOptions = {
    ...{ layout: 'channels-last' as const, padding: options.padding },
    ...{ stride: stride.slice(1), upsample: upsample.slice(1) },
  };
  const between = convSizes([B * T, ...frame], [O, C, 3, 3], inSpace).out;
  const out = [B, Math.ceil((T * upsample[0]) / stride[0]), ...between.slice(1)];
  const more = { spatialBias: spec([O]), bias: spec([O]), residual: spec(out) };
  const weights = size([O, C, 9]) + size([O, O, 3]);
  const named = Object.entries(own).map(([name, value]) =>
    typeof value === 'string' ? value : `${name} ${JSON.stringify(value)}`,
  );
  return {
    op: 'convSpatioTemporal',
    name: [`${x.join('x')} to ${O}`, ...named, parts ? 'biases, residual' : ''].filter(Boolean).join(' + '),
    inputs: { x: spec(x), spatial: spec([O, C, 3, 3]), temporal: spec([O, O, 3]), ...(parts && more) },
    options,
    tolerance: { ...tolerance, why: `${tolerance.why}, and in two kernels what lies between` },
    flops: 2 * (size(between) * C * 9 + size(out) * O * 3),
    bytes: 4 * (size(x) + weights + size(out) * (parts ? 2 : 1)),
    use,
  };
}

export const spatioTemporalCases: readonly Case[] = [
  both([1, 1, 5, 7, 4], 16, {}, 'test'),
  both([2, 3, 5, 7, 8], 12, { parts: true }, 'test'),
  both([1, 2, 9, 9, 3], 16, { parts: true, activation: 'silu' }, 'test'),
  both(
    [1, 5, 6, 5, 8],
    16,
    {
      stride: [2, 2, 2],
      padding: [
        [0, 1],
        [0, 1],
      ],
      parts: true,
    },
    'test',
  ),
  both([2, 3, 4, 5, 8], 16, { upsample: [2, 2, 2], parts: true }, 'test'),
  both([1, 4, 4, 3, 32], 40, { parts: true }, 'test'),
  both([1, 2, 4, 4, 4], 6, {}, 'test'),
  // The two finest levels of shapes world's TAE.
  both([1, 16, 64, 64, 16], 16, { parts: true }, 'bench'),
  both([1, 8, 32, 32, 32], 32, { parts: true }, 'bench'),
];
