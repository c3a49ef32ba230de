// Cases of sum, mean and max, of the timestep embedding and of normal noise.
import { sizeOf } from '../shape.ts';
import { type Case, type Fill, spec } from './case.ts';

const tolerance = {
  f32: 5e-6,
  f16: 2e-3,
  why: 'sums in f32, in another order than the reference and about a thousand at a time; f16 rounds the result',
};

const reduced = (
  op: 'sum' | 'mean' | 'max',
  x: readonly number[],
  options: { readonly axes?: readonly number[]; readonly keepDims?: boolean },
  use: Case['use'],
  fill: Fill = 'positive',
): Case => ({
  op,
  name: `${x.join('x')}${options.axes ? `, axes ${options.axes}` : ''}${options.keepDims ? ', kept' : ''}`,
  inputs: { x: spec(x, fill) },
  options,
  tolerance,
  flops: sizeOf(x),
  bytes: 4 * sizeOf(x),
  use,
});

const timestep = (B: number, dim: number, t: Fill, scale: number, use: Case['use']): Case => ({
  op: 'timestepEmbedding',
  name: `${B} to ${dim}, scale ${scale}`,
  inputs: { t: spec([B], t) },
  options: { dim, scale },
  tolerance: {
    f32: 1e-6,
    f16: 2e-3,
    why: 'exact turns, then sine and cosine to 1e-7; f16 rounds the result',
  },
  flops: 40 * B * dim,
  bytes: 4 * B * dim,
  use,
});

const noise = (shape: readonly number[], options: Case['options'], use: Case['use']): Case => ({
  op: 'randn',
  name: `${shape.join('x')}, ${Object.entries(options).flat().join(' ')}`,
  inputs: {},
  options: { shape, ...options },
  tolerance: {
    f32: 2e-7,
    f16: 1e-3,
    why: '1e-6 is promised, at magnitudes up to 5.8; f16 rounds the result',
  },
  flops: 100 * sizeOf(shape),
  bytes: 4 * sizeOf(shape),
  use,
});

export const reduceCases: readonly Case[] = [
  ...(['sum', 'mean', 'max'] as const).flatMap((op) => [
    reduced(op, [1], {}, 'test'),
    reduced(op, [3, 5, 7], {}, 'test'),
    reduced(op, [3, 5, 7], { axes: [1] }, 'test', 'normal'),
    reduced(op, [2, 3, 4, 5], { axes: [0, -1], keepDims: true }, 'test'),
    reduced(op, [2, 3, 2, 3, 2, 3], { axes: [4, 0, 2] }, 'test'),
    reduced(op, [5000], {}, 'test'),
    reduced(op, [3, 4100, 2], { axes: [1], keepDims: true }, 'test'),
  ]),
  reduced('mean', [16, 64, 64, 16], {}, 'bench'),
  reduced('sum', [16, 64, 64, 16], { axes: [1, 2] }, 'bench'),
  reduced('max', [4096, 256], { axes: [-1] }, 'bench'),
  timestep(1, 2, 'positive', 1000, 'test'),
  timestep(5, 256, 'positive', 1000, 'test'),
  timestep(3, 20, { integersBelow: 1000 }, 1, 'test'),
  timestep(2, 256, 'positive', 1000, 'bench'),
];

export const randnCases: readonly Case[] = [
  noise([1], { seed: 0 }, 'test'),
  noise([3, 5, 7], { seed: 12345678901n, stream: 1 }, 'test'),
  noise([1000], { seed: 7, stream: [2, 3], start: 4099 }, 'test'),
  noise([2, 16, 2, 8, 8], { seed: 42 }, 'both'),
];
