// Cases of layerNorm, rmsNorm, groupNorm and softmax: operands x, weight, bias, shift, scale; the options of the ops.
import { sizeOf } from '../shape.ts';
import { type Case, type Fill, spec, type TensorSpec, wide } from './case.ts';

const tolerance = {
  f32: 5e-6,
  f16: 4e-3,
  why: 'means and variances in f32, in another order than the reference; f16 rounds operands and result',
};

interface Parts {
  readonly weight?: boolean;
  readonly bias?: boolean;
  /** Shape of shift and scale. */
  readonly modulate?: readonly number[];
  readonly fill?: Fill;
  /** x stays f32 when the case is run in f16. */
  readonly wide?: boolean;
  readonly options?: Case['options'];
}

function norm(op: string, x: readonly number[], C: number, parts: Parts, use: Case['use']): Case {
  const { weight, bias, modulate, fill = 'normal', options = {} } = parts;
  const inputs: Record<string, TensorSpec> = { x: parts.wide ? wide(spec(x, fill)) : spec(x, fill) };
  if (weight) inputs.weight = spec([C], 'positive');
  if (bias) inputs.bias = spec([C]);
  if (modulate) Object.assign(inputs, { shift: spec(modulate), scale: spec(modulate) });
  const said = [
    ...Object.keys(inputs).slice(1),
    ...Object.entries(options).map(([name, value]) =>
      typeof value === 'string' ? value : `${name} ${value}`,
    ),
    typeof fill === 'object' && 'normalTimes' in fill ? `times ${fill.normalTimes}` : '',
    parts.wide ? 'wide' : '',
  ].filter(Boolean);
  const reads = op === 'groupNorm' ? 2 : 1;
  return {
    op,
    name: [x.join('x'), ...said].join(', '),
    inputs,
    options,
    tolerance,
    flops: 8 * sizeOf(x),
    bytes: 4 * (reads + 1) * sizeOf(x),
    use,
  };
}

const rows = (op: string, x: readonly number[], parts: Parts, use: Case['use']): Case =>
  norm(op, x, x.at(-1)!, parts, use);

const group = (x: readonly number[], groups: number, parts: Parts, use: Case['use']): Case =>
  norm('groupNorm', x, x[1]!, { ...parts, options: { groups, ...parts.options } }, use);
const groupLast = (x: readonly number[], groups: number, parts: Parts, use: Case['use']): Case =>
  norm(
    'groupNorm',
    x,
    x.at(-1)!,
    { ...parts, options: { groups, layout: 'channels-last', ...parts.options } },
    use,
  );

/** P projections of a row at once; `columns`: where they lie in it. */
function rotary(
  x: readonly number[],
  [P, D]: readonly [number, number],
  headSize: number,
  use: Case['use'],
  columns?: readonly [number, number],
): Case {
  const given = norm('rmsNormRotary', x, 0, { options: columns ? { columns } : {} }, use);
  return {
    ...given,
    name: `${x.join('x')}, ${P} of ${D}, heads of ${headSize}${columns ? `, columns ${columns[0]}` : ''}`,
    inputs: {
      ...given.inputs,
      weight: spec([P, D], 'positive'),
      rotary: wide(spec([x[1]!, headSize], 'uniform')),
    },
  };
}

const soft = (
  x: readonly number[],
  axis: number,
  use: Case['use'],
  fill: Fill = { normalTimes: 4 },
): Case => ({
  ...norm('softmax', x, 0, { fill, options: { axis } }, use),
  tolerance: { f32: 5e-6, f16: 2e-3, why: 'exp to a few units in the last place; f16 rounds the result' },
});

const affine = { weight: true, bias: true } as const;
const silu = { ...affine, options: { eps: 1e-6, activation: 'silu' } } as const;
const large = { normalTimes: 1e4 } as const;

export const normCases: readonly Case[] = [
  ...(['layerNorm', 'rmsNorm'] as const).flatMap((op) => [
    rows(op, [1, 1], {}, 'test'),
    rows(op, [3, 7], { weight: true }, 'test'),
    rows(op, [19, 8], { ...affine, options: { eps: 1e-3 } }, 'test'),
    rows(op, [2, 5, 36], { weight: true, modulate: [2, 36] }, 'test'),
    rows(op, [2, 3, 2, 9], { modulate: [9], options: { activation: 'silu' } }, 'test'),
    rows(op, [2, 5, 36], { modulate: [2, 2, 36], options: { early: 2 } }, 'test'),
    rows(op, [2, 70, 4], { weight: true, modulate: [2, 4], options: { early: 64 }, wide: true }, 'test'),
    rows(op, [1, 3, 5], { modulate: [1, 2, 5], options: { early: 0 } }, 'test'),
    rows(op, [3, 516], { weight: true, fill: large }, 'test'),
    rows(op, [2, 5, 36], { weight: true, modulate: [2, 36], fill: { normalTimes: 1e6 }, wide: true }, 'test'),
    rows(op, [2, 9], { weight: true, fill: { normalTimes: 1e6 }, wide: true }, 'test'),
    rows(op, [2, 32, 256], { weight: true, modulate: [2, 256] }, 'bench'),
    rows(op, [4096, 1024], { weight: true }, 'bench'),
  ]),
  rows('layerNorm', [17, 130], { ...affine, fill: 'ones' }, 'test'),
  group([1, 1, 1], 1, {}, 'test'),
  group([2, 6, 5, 7], 3, affine, 'test'),
  group([2, 8, 3, 4, 4], 2, silu, 'test'),
  group([3, 4], 2, {}, 'test'),
  group([1, 4, 20, 20], 4, { ...affine, fill: large }, 'test'),
  groupLast([1, 1, 1], 1, {}, 'test'),
  groupLast([2, 5, 7, 6], 3, affine, 'test'),
  groupLast([2, 9, 8, 8], 2, silu, 'test'),
  groupLast([3, 33, 16], 1, { ...affine, options: { activation: 'gelu' } }, 'test'),
  groupLast([2, 40, 40, 4], 1, { ...affine, fill: large }, 'test'),
  groupLast([16, 64, 64, 16], 1, silu, 'bench'),
  groupLast([4, 16, 16, 64], 4, silu, 'bench'),
  group([4, 32, 64, 64], 8, silu, 'bench'),
  rotary([1, 1, 4], [1, 4], 4, 'test'),
  rotary([2, 5, 72], [2, 24], 8, 'test', [0, 48]),
  rotary([3, 7, 48], [1, 24], 12, 'test', [24, 24]),
  rotary([1, 67, 192], [2, 64], 32, 'test', [0, 128]),
  rotary([1, 1560, 4608], [2, 1536], 128, 'bench', [0, 3072]), // q and k of Wan 1.3B, beside v
  soft([1], -1, 'test'),
  soft([7, 5], -1, 'test'),
  soft([3, 300], 1, 'test', { normalTimes: 40 }),
  soft([4, 6, 5], 1, 'test'),
  soft([9, 2, 3], 0, 'test'),
  soft([8, 32, 32], -1, 'bench'),
  soft([4096, 256], -1, 'bench'),
];
