// Cases of the SwiGLU gate: operands x, w1, w3.

import type { QuantFormat } from '../kernel.ts';
import { BYTES } from '../kernel.ts';
import { sizeOf } from '../shape.ts';
import { type Case, spec } from './case.ts';

const tolerance = {
  f32: 1e-5,
  f16: 6e-3,
  why: 'two sums of K products in f32 and their product; f16 rounds operands and result',
};

function swiglu(
  x: readonly number[],
  N: number,
  use: Case['use'],
  weight: QuantFormat | 'f32' = 'f32',
): Case {
  const K = x.at(-1)!;
  const rows = sizeOf(x.slice(0, -1));
  return {
    op: 'swiglu',
    name: `${x.join('x')} to ${N}${weight === 'f32' ? '' : `, ${weight} weights`}`,
    inputs: { x: spec(x), w1: spec([N, K], 'normal', weight), w3: spec([N, K], 'normal', weight) },
    options: {},
    tolerance,
    flops: 4 * rows * K * N,
    bytes: 4 * (rows * K + rows * N) + BYTES[weight] * 2 * K * N,
    use,
  };
}

export const swigluCases: readonly Case[] = [
  swiglu([1, 1], 1, 'test'),
  swiglu([3, 6], 5, 'test'),
  swiglu([2, 11, 16], 28, 'test'),
  swiglu([35, 32], 18, 'test'),
  swiglu([1, 32], 4, 'test', 'q8'),
  swiglu([1, 32], 4, 'test', 'q4'),
  swiglu([35, 96], 20, 'test', 'q8'),
  swiglu([35, 96], 20, 'test', 'q4'),
  swiglu([64, 256], 768, 'bench'),
  swiglu([64, 256], 768, 'bench', 'q8'),
  swiglu([64, 256], 768, 'bench', 'q4'),
];
