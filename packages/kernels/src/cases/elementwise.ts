// Cases of the activations, arithmetic and updates: operands x, or a and b, or the names that the op uses.
import { sizeOf } from '../shape.ts';
import { type Case, type Fill, spec, type TensorSpec, wide } from './case.ts';

const tolerance = {
  f32: 2e-6,
  f16: 2e-3,
  why: 'exp and division to a few units in the last place, erf to 1.5e-7; f16 rounds operands and result',
};

function elementwise(
  op: string,
  inputs: Readonly<Record<string, TensorSpec>>,
  shape: readonly number[],
  options: Case['options'],
  flops: number,
  use: Case['use'],
): Case {
  const operands = Object.values(inputs).map(
    ({ shape: own, dtype }) => `${own.join('x') || 'scalar'}${dtype === 'f32' ? '' : ` ${dtype}`}`,
  );
  const said = Object.entries(options).map(([name, value]) => `, ${name} ${value}`);
  const moved = Object.values(inputs).reduce((sum, operand) => sum + sizeOf(operand.shape), sizeOf(shape));
  return {
    op,
    name: [...new Set(operands)].join(', ') + said.join(''),
    inputs,
    options,
    tolerance,
    flops: flops * sizeOf(shape),
    bytes: 4 * moved,
    use,
  };
}

const unary = (
  op: string,
  shape: readonly number[],
  options: Case['options'],
  flops: number,
  use: Case['use'],
  fill: Fill = { normalTimes: 3 },
): Case => elementwise(op, { x: spec(shape, fill) }, shape, options, flops, use);

const binary = (
  op: string,
  a: readonly number[],
  b: readonly number[],
  shape: readonly number[],
  use: Case['use'],
): Case =>
  elementwise(op, { a: spec(a), b: spec(b, op === 'div' ? 'positive' : 'normal') }, shape, {}, 1, use);

const scalar = (op: string, x: 'a' | 'b', number: number, use: Case['use']): Case =>
  elementwise(
    op,
    { [x]: spec([5, 12], op === 'div' ? 'positive' : 'normal') },
    [5, 12],
    { [x === 'a' ? 'b' : 'a']: number },
    1,
    use,
  );

const integral = (
  op: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  shape: readonly number[],
  dtype: 'i32' | 'u32',
  options: Case['options'] = {},
): Case => {
  // Products of these do not fit into 32 bits; differences of u32 are below zero.
  const how: Fill = dtype === 'i32' ? { normalTimes: 60_000 } : { integersBelow: 100_000 };
  const inputs = Object.entries(shapes).map(([name, own]) => [name, spec(own, how, dtype)] as const);
  return elementwise(op, Object.fromEntries(inputs), shape, options, 1, 'test');
};

const gated = (x: readonly number[], gate: readonly number[], use: Case['use']): Case =>
  elementwise('gatedResidual', { x: spec(x), gate: spec(gate), y: spec(x) }, x, {}, 2, use);

const update = (
  op: string,
  [x, y]: readonly [string, string],
  options: Case['options'],
  use: Case['use'],
): Case[] =>
  (use === 'test' ? [[1], [2, 7], [2, 16, 2, 8, 8]] : [[1, 16, 2, 8, 8]]).map((shape) =>
    elementwise(op, { [x]: spec(shape), [y]: spec(shape) }, shape, options, 2, use),
  );

const combination = (shape: readonly number[], weights: readonly number[], use: Case['use']): Case => {
  const tensors = Object.fromEntries(weights.map((_, i) => [`x${i}`, spec(shape)]));
  return elementwise('linearCombination', tensors, shape, { weights }, 2 * weights.length, use);
};

export const elementwiseCases: readonly Case[] = [
  ...(['silu', 'gelu', 'quickGelu', 'relu'] as const).flatMap((op) => [
    unary(op, [1], {}, 4, 'test'),
    unary(op, [3, 5, 7], {}, 4, 'test'),
    unary(op, [4, 1100], {}, 4, 'test'),
  ]),
  ...(['exp', 'sqrt', 'abs'] as const).flatMap((op) => {
    const fill = op === 'sqrt' ? 'positive' : 'normal';
    return [[1], [3, 5, 7], [4, 16]].map((shape) => unary(op, shape, {}, 1, 'test', fill));
  }),
  ...[[1], [3, 5, 7], [4, 16]].map((shape) => unary('clamp', shape, { low: -0.7, high: 2 }, 2, 'test')),
  ...(['add', 'sub', 'mul'] as const).flatMap((op) => [
    integral(op, { a: [3, 7], b: [7] }, [3, 7], 'i32'),
    integral(op, { a: [2, 8], b: [2, 1] }, [2, 8], 'u32'),
    integral(op, { b: [12] }, [12], 'i32', { a: -70_000 }),
  ]),
  integral('clamp', { x: [3, 5] }, [3, 5], 'i32', { low: -9, high: 40_000 }),
  integral('clamp', { x: [8] }, [8], 'u32', { low: 300, high: Number.POSITIVE_INFINITY }),
  unary('gelu', [4, 33], { approximate: 'tanh' }, 8, 'test'),
  unary('silu', [16, 64, 64, 16], {}, 4, 'bench'),
  unary('gelu', [64, 1024], {}, 12, 'bench'),
  elementwise('siluMul', { a: spec([3, 7]), b: spec([3, 7]) }, [3, 7], {}, 5, 'test'),
  elementwise('siluMul', { a: spec([4096, 1024]), b: spec([4096, 1024]) }, [4096, 1024], {}, 5, 'bench'),
  ...(['add', 'sub', 'mul', 'div'] as const).flatMap((op) => [
    binary(op, [3, 8], [3, 8], [3, 8], 'test'),
    binary(op, [3, 8], [8], [3, 8], 'test'),
    scalar(op, 'a', 1.7, 'test'),
    scalar(op, 'b', -0.3, 'test'),
  ]),
  binary('add', [7], [3, 1], [3, 7], 'test'),
  binary('add', [2, 1, 5, 4], [3, 1, 4], [2, 3, 5, 4], 'test'),
  binary('mul', [], [2, 3], [2, 3], 'test'),
  binary('sub', [2, 1, 3, 1, 2, 4], [1, 3, 1, 2, 1, 1], [2, 3, 3, 2, 2, 4], 'test'),
  binary('add', [2, 5, 12], [2, 1, 12], [2, 5, 12], 'test'),
  elementwise(
    'add',
    { a: wide(spec([3, 5, 8], { normalTimes: 1e5 })), b: spec([5, 8]) },
    [3, 5, 8],
    {},
    1,
    'test',
  ),
  elementwise('mul', { a: spec([4, 9]), b: wide(spec([4, 9], { normalTimes: 1e5 })) }, [4, 9], {}, 1, 'test'),
  binary('add', [2, 32, 256], [32, 256], [2, 32, 256], 'bench'),
  binary('add', [16, 64, 64, 16], [16, 64, 64, 16], [16, 64, 64, 16], 'bench'),
  gated([2, 5, 12], [2, 12], 'test'),
  gated([3, 2, 5, 6], [3, 6], 'test'),
  gated([4, 9], [9], 'test'),
  gated([2, 32, 256], [2, 256], 'bench'),
  ...update('guidance', ['uNull', 'uText'], { scale: 7.5 }, 'test'),
  ...update('guidance', ['uNull', 'uText'], { scale: 7.5 }, 'bench'),
  ...update('eulerStep', ['x', 'velocity'], { dt: 0.004 }, 'test'),
  ...update('eulerStep', ['x', 'velocity'], { dt: 0.004 }, 'bench'),
  combination([1], [0.7], 'test'),
  combination([2, 7], [1, -0.9], 'test'),
  combination([2, 16, 2, 8, 8], [0.4, 0.6, -0.2], 'test'),
  combination([3, 5], [0.4, 0.6, -0.2, 0.05], 'test'),
  combination([2, 16, 2, 8, 8], [0.4, 0.9, -0.3, 0.05, -0.1], 'test'),
  combination([1, 16, 21, 60, 104], [0.4, 0.9, -0.3, 0.05, -0.1], 'bench'),
];
