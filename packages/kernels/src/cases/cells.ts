// Cases of averageDown and repeatUp: operands x, residual; options cell, channels, skip.

import { sizeOf } from '../shape.ts';
import { type Case, spec } from './case.ts';

const tolerance = {
  f32: 1e-6,
  f16: 2e-3,
  why: 'a sum of a few numbers in f32; f16 rounds operands and result',
};

interface Options {
  readonly cell: readonly [number, number];
  readonly channels: number;
  readonly skip?: number;
  readonly residual?: boolean;
}

function cells(
  op: string,
  x: readonly number[],
  y: readonly number[],
  given: Options,
  use: Case['use'],
): Case {
  const { residual, ...options } = given;
  return {
    op,
    name: `${x.join('x')} to ${y.join('x')}${residual ? ' + residual' : ''}`,
    inputs: { x: spec(x), ...(residual && { residual: spec(y) }) },
    options,
    tolerance,
    flops: sizeOf(x),
    bytes: 4 * (sizeOf(x) + sizeOf(y) * (residual ? 2 : 1)),
    use,
  };
}

export const cellCases: readonly Case[] = [
  cells('averageDown', [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], { cell: [1, 1], channels: 1 }, 'test'),
  cells(
    'averageDown',
    [2, 3, 4, 6, 3],
    [2, 2, 2, 3, 6],
    { cell: [2, 2], channels: 6, residual: true },
    'test',
  ),
  cells('averageDown', [1, 4, 4, 2, 4], [1, 4, 2, 1, 4], { cell: [1, 2], channels: 4 }, 'test'),
  cells(
    'averageDown',
    [1, 4, 32, 32, 64],
    [1, 2, 16, 16, 128],
    { cell: [2, 2], channels: 128, residual: true },
    'bench',
  ),
  cells('repeatUp', [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], { cell: [1, 1], channels: 1 }, 'test'),
  cells('repeatUp', [2, 2, 3, 2, 6], [2, 3, 6, 4, 6], { cell: [2, 2], channels: 6, skip: 1 }, 'test'),
  cells('repeatUp', [1, 3, 2, 3, 8], [1, 3, 4, 6, 4], { cell: [1, 2], channels: 4, residual: true }, 'test'),
  cells(
    'repeatUp',
    [1, 2, 16, 16, 128],
    [1, 4, 32, 32, 64],
    { cell: [2, 2], channels: 64, residual: true },
    'bench',
  ),
];
