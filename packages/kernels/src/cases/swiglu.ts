// Cases of the SwiGLU gate: operands x, w1, w3.
import { type Case, spec } from './case.ts';

const tolerance = {
  f32: 1e-5,
  f16: 6e-3,
  why: 'two sums of K products in f32 and their product; f16 rounds operands and result',
};

function swiglu(x: readonly number[], N: number, use: Case['use']): Case {
  const K = x.at(-1)!;
  const rows = x.slice(0, -1).reduce((product, n) => product * n, 1);
  return {
    op: 'swiglu',
    name: `${x.join('x')} to ${N}`,
    inputs: { x: spec(x), w1: spec([N, K]), w3: spec([N, K]) },
    options: {},
    tolerance,
    flops: 4 * rows * K * N,
    bytes: 4 * (rows * K + 2 * K * N + rows * N),
    use,
  };
}

export const swigluCases: readonly Case[] = [
  swiglu([1, 1], 1, 'test'),
  swiglu([3, 6], 5, 'test'),
  swiglu([2, 11, 16], 28, 'test'),
  swiglu([35, 32], 18, 'test'),
  swiglu([64, 256], 768, 'bench'),
];
