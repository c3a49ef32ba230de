// Cases of conv1d, conv2d and conv3d: operands x, weight, bias, residual, before; options as the ops', and
// packed (a weight prepacked at load, as models do).

import type { ConvOptions } from '../conv/shape.ts';
import { convSizes } from '../conv/shape.ts';
import { sizeOf } from '../shape.ts';
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
  /** How many frames precede x. */
  readonly before?: number;
}

function conv(x: readonly number[], weight: readonly number[], parts: Parts, use: Case['use']): Case {
  const { bias, residual, before, ...options } = parts;
  const earlier = before === undefined ? undefined : [x[0]!, before, ...x.slice(2)];
  const { out } = convSizes(x, weight, options, earlier);
  const inputs: Record<string, TensorSpec> = { x: spec(x), weight: spec(weight) };
  if (bias) inputs.bias = spec([weight[0]!]);
  if (residual) inputs.residual = spec(out);
  if (earlier) inputs.before = spec(earlier);
  const fused = [
    options.layout === 'channels-last' ? 'last' : 'first',
    ...Object.entries(options).flatMap(([name, value]) => {
      if (name === 'layout') return [];
      if (typeof value === 'string') return [value];
      return value === true ? [name] : [`${name} ${JSON.stringify(value)}`];
    }),
    bias ? 'bias' : '',
    residual ? 'residual' : '',
    before ? `${before} before` : '',
  ].filter(Boolean);
  return {
    op: `conv${weight.length - 2}d`,
    name: `${x.join('x')} * ${weight.join('x')}, ${fused.join(' + ')}`,
    inputs,
    options,
    tolerance,
    flops: 2 * sizeOf(out) * sizeOf(weight.slice(1)),
    bytes: 4 * (sizeOf(x) + sizeOf(weight) + sizeOf(out) * (residual ? 2 : 1)),
    use,
  };
}

/** Padding of a causal 3x3x3 window: `n` frames before, none after. */
const causal = (n: number) =>
  [
    [n, 0],
    [1, 1],
    [1, 1],
  ] as const;

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
  conv(
    [2, 5, 3, 4, 8],
    [12, 8, 3, 1, 1],
    { ...last, padding: [1, 0, 0], stride: [2, 1, 1], paddingMode: 'replicate', bias: true, residual: true },
    'test',
  ),
  conv(
    [1, 3, 4, 3, 16],
    [16, 16, 3, 1, 1],
    { ...last, padding: [1, 0, 0], upsample: [2, 1, 1], paddingMode: 'replicate', activation: 'silu' },
    'test',
  ),
  // Bench rows of the project, then shapes world's TAE: 16 to 64 channels, 16 frames of 64 x 64.
  // a video's pieces: causal along T, the frames before the piece in a tensor of their own
  conv([2, 1, 5, 4, 8], [12, 8, 3, 3, 3], { ...last, padding: causal(0), before: 2, bias: true }, 'test'),
  conv([2, 3, 5, 3, 4], [8, 4, 3, 3, 3], { ...last, padding: causal(1), before: 1, residual: true }, 'test'),
  conv([2, 2, 3, 4, 3], [5, 3, 3, 3, 3], { ...last, padding: causal(0), before: 2, bias: true }, 'test'),
  conv([1, 4, 3, 5, 8], [8, 8, 3, 1, 1], { ...last, stride: [2, 1, 1], before: 1, bias: true }, 'test'),
  conv(
    [1, 4, 32, 32, 96],
    [96, 96, 3, 3, 3],
    { ...last, padding: causal(0), before: 2, bias: true },
    'bench',
  ),
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
