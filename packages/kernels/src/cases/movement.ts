// Cases of the ops that move elements: operands x (x0, x1 ... for concat), or table and ids; the options of the ops.

import type { DType } from '../kernel.ts';
import { sizeOf } from '../shape.ts';
import { type Case, type Fill, spec, type TensorSpec } from './case.ts';

const tolerance = { f32: 0, f16: 0, why: 'elements are moved, not computed' };

function movement(
  op: string,
  inputs: Readonly<Record<string, TensorSpec>>,
  options: Case['options'],
  out: number,
  use: Case['use'],
): Case {
  const operands = Object.values(inputs).map(({ shape, dtype }) => {
    return `${shape.join('x')}${dtype === 'f32' ? '' : ` ${dtype}`}`;
  });
  const said = Object.entries(options).map(([name, value]) =>
    typeof value === 'string' ? value : `${name} ${JSON.stringify(value)}`,
  );
  return {
    op,
    name: [...operands, ...said].join(', '),
    inputs,
    options,
    tolerance,
    flops: 0,
    bytes: 8 * out,
    use,
  };
}

const integers: Fill = { integersBelow: 1000 };
const unary = (
  op: string,
  x: readonly number[],
  options: Case['options'],
  out: number,
  use: Case['use'],
): Case => movement(op, { x: spec(x) }, options, out, use);

const sliced = (
  x: readonly number[],
  start: readonly number[],
  end: readonly number[],
  use: Case['use'],
  dtype: DType = 'f32',
): Case =>
  movement(
    'slice',
    { x: spec(x, dtype === 'f32' ? 'normal' : integers, dtype) },
    { start, end },
    sizeOf(x),
    use,
  );

const joined = (shapes: readonly (readonly number[])[], axis: number, use: Case['use']): Case =>
  movement(
    'concat',
    Object.fromEntries(shapes.map((shape, k) => [`x${k}`, spec(shape)])),
    { axis },
    shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
    use,
  );

const permuted = (x: readonly number[], axes: readonly number[], use: Case['use']): Case =>
  unary('permute', x, { axes }, sizeOf(x), use);

const padded = (
  x: readonly number[],
  pads: readonly (readonly [number, number])[],
  more: Case['options'],
): Case =>
  unary(
    'pad',
    x,
    { pads, ...more },
    x.reduce((size, n, axis) => size * (n + pads[axis]![0] + pads[axis]![1]), 1),
    'test',
  );

const upsampled = (x: readonly number[], scale: readonly number[], layout: string, use: Case['use']): Case =>
  unary('upsampleNearest', x, { scale, layout }, sizeOf(x) * sizeOf(scale), use);

const embedded = (
  V: number,
  D: number,
  ids: readonly number[],
  below: number,
  dtype: DType,
  use: Case['use'],
): Case =>
  movement(
    'embedding',
    { table: spec([V, D]), ids: spec(ids, { integersBelow: below }, dtype) },
    {},
    sizeOf(ids) * D,
    use,
  );

const converted = (x: readonly number[], from: DType, to: DType, how: Fill, use: Case['use']): Case =>
  movement('cast', { x: spec(x, how, from) }, { to }, sizeOf(x), use);

export const movementCases: readonly Case[] = [
  sliced([1], [0], [1], 'test'),
  sliced([5, 7], [1, 2], [4, 5], 'test'),
  sliced([12], [2], [6], 'test'),
  sliced([4, 3, 8], [1], [3], 'test'),
  sliced([2, 6, 12], [0, 2, 4], [2, -1, 8], 'test'),
  sliced([2, 3, 2, 3, 2, 4], [0, 1, 0, 1, 1, 1], [2, 3, 2, 2, 2, 4], 'test'),
  sliced([6, 5], [2, 1], [6, 4], 'test', 'i32'),
  sliced([9, 4], [-3], [-1], 'test', 'u32'),
  sliced([4, 6], [-9, 2], [3, 99], 'test'),
  sliced([2, 16, 2, 8, 8], [1], [2], 'bench'),
  joined([[3]], 0, 'test'),
  joined([[2], [4]], 0, 'test'),
  joined(
    [
      [2, 3],
      [2, 1],
      [2, 5],
    ],
    -1,
    'test',
  ),
  joined(
    [
      [2, 4],
      [3, 4],
    ],
    0,
    'test',
  ),
  joined(
    [
      [2, 3, 8],
      [2, 1, 8],
      [2, 2, 8],
    ],
    1,
    'test',
  ),
  joined(
    [
      [2, 1, 3, 2, 1, 5],
      [2, 1, 3, 1, 1, 5],
    ],
    3,
    'test',
  ),
  joined(
    [
      [1, 16, 2, 8, 8],
      [1, 16, 2, 8, 8],
    ],
    0,
    'bench',
  ),
  permuted([7], [0], 'test'),
  permuted([3, 5], [1, 0], 'test'),
  permuted([2, 3, 8], [1, 0, 2], 'test'),
  permuted([2, 3, 4, 5], [0, -1, 1, 2], 'test'),
  permuted([2, 3, 2, 4, 3, 2], [5, 2, 0, 4, 1, 3], 'test'),
  permuted([1, 3, 16, 64, 64], [0, 2, 3, 4, 1], 'bench'),
  permuted([16, 64, 64, 16], [1, 2, 0, 3], 'bench'),
  padded([3], [[1, 2]], {}),
  padded(
    [2, 5, 4],
    [
      [0, 0],
      [1, 2],
      [0, 0],
    ],
    { value: -1.5 },
  ),
  padded(
    [2, 3, 4, 8],
    [
      [0, 0],
      [0, 0],
      [1, 1],
      [0, 0],
    ],
    { mode: 'replicate' },
  ),
  padded(
    [3, 5, 2],
    [
      [1, 0],
      [0, 2],
      [3, 1],
    ],
    { mode: 'replicate' },
  ),
  padded(
    [2, 2, 3, 2, 2, 3],
    [
      [0, 1],
      [1, 0],
      [0, 0],
      [2, 0],
      [0, 0],
      [1, 1],
    ],
    { value: 2 },
  ),
  upsampled([1, 1, 1], [3], 'channels-last', 'test'),
  upsampled([2, 3, 5, 8], [2, 2], 'channels-last', 'test'),
  upsampled([2, 3, 4, 5], [2, 3], 'channels-first', 'test'),
  upsampled([1, 2, 3, 2, 3], [2, 1, 2], 'channels-first', 'test'),
  upsampled([2, 2, 3, 2, 4], [2, 2, 2], 'channels-last', 'test'),
  upsampled([8, 32, 32, 32], [2, 2], 'channels-last', 'bench'),
  embedded(1, 1, [1], 1, 'u32', 'test'),
  embedded(10, 12, [2, 5], 10, 'u32', 'test'),
  embedded(7, 5, [9], 12, 'i32', 'test'),
  embedded(32128, 64, [512], 32128, 'i32', 'bench'),
  converted([3, 5], 'f32', 'i32', { normalTimes: 100 }, 'test'),
  converted([4, 6], 'f32', 'u32', { integersBelow: 60_000 }, 'test'),
  converted([4, 6], 'i32', 'f32', integers, 'test'),
  converted([7], 'u32', 'i32', integers, 'test'),
  converted([4096, 256], 'u32', 'f32', integers, 'bench'),
];
