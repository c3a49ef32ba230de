// Cases of matmul: operands a, b; options transposeA, transposeB.
import { sizeOf } from '../shape.ts';
import { type Case, spec } from './case.ts';

const tolerance = {
  f32: 1e-5,
  f16: 4e-3,
  why: 'sums of K products in f32, in another order than the reference; f16 rounds operands and result',
};

type Transposes = { readonly transposeA?: boolean; readonly transposeB?: boolean };

function matmul(a: readonly number[], b: readonly number[], options: Transposes, use: Case['use']): Case {
  const [M, K] = options.transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const N = options.transposeB ? b.at(-2)! : b.at(-1)!;
  const items = Math.max(sizeOf(a.slice(0, -2)), sizeOf(b.slice(0, -2)));
  const mark = (flag?: boolean) => (flag ? 'T' : '');
  return {
    op: 'matmul',
    name: `${a.join('x')}${mark(options.transposeA)} x ${b.join('x')}${mark(options.transposeB)}`,
    inputs: { a: spec(a), b: spec(b) },
    options,
    tolerance,
    flops: 2 * items * M * N * K,
    bytes: 4 * (sizeOf(a) + sizeOf(b) + items * M * N),
    use,
  };
}

export const matmulCases: readonly Case[] = [
  matmul([1, 1], [1, 1], {}, 'test'),
  matmul([5, 7], [7, 3], {}, 'test'),
  matmul([17, 12], [12, 20], {}, 'test'),
  matmul([64, 48], [48, 33], {}, 'test'),
  matmul([33, 64], [64, 132], {}, 'test'),
  matmul([12, 17], [12, 20], { transposeA: true }, 'test'),
  matmul([7, 5], [7, 9], { transposeA: true }, 'test'),
  matmul([17, 12], [21, 12], { transposeB: true }, 'test'),
  matmul([6, 5], [9, 5], { transposeB: true }, 'test'),
  matmul([12, 10], [11, 12], { transposeA: true, transposeB: true }, 'test'),
  matmul([3, 1, 20, 8], [4, 8, 12], {}, 'test'),
  matmul([2, 3, 9, 16], [2, 1, 16, 8], {}, 'test'),
  matmul([2, 1, 2, 5, 4], [3, 1, 4, 6], {}, 'test'),
  matmul([512, 512], [512, 512], {}, 'bench'),
  matmul([1024, 1024], [1024, 1024], {}, 'bench'),
  matmul([32, 1024], [1024, 4096], {}, 'bench'),
  matmul([512, 512], [512, 512], { transposeB: true }, 'bench'),
];
