// What the case list does not hold: NaN and infinity, empty tensors, and shapes that ops refuse.
import {
  at,
  convSizes,
  type NDArray,
  normVariants,
  type Operands,
  type Options,
  references,
} from '@moviegen/kernels';
import {
  add,
  attention,
  averageDown,
  cast,
  clamp,
  concat,
  conv1d,
  conv3d,
  div,
  embedding,
  gatedResidual,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  max,
  mean,
  pack,
  pad,
  permute,
  quickGelu,
  randn,
  relu,
  repeatUp,
  rmsNorm,
  silu,
  siluMul,
  slice,
  softmax,
  sum,
  swiglu,
  Tensor,
  timestepEmbedding,
  upsampleNearest,
} from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';

const device = await testDevice();
const tensor = (shape: readonly number[], data?: number[]): Tensor =>
  Tensor.from(device, data ?? new Array(shape.reduce((n, m) => n * m, 1)).fill(1), shape);
const variants = (names: readonly string[]): (string | undefined)[] => [undefined, ...names];

describe('NaN and infinity pass as in the reference', () => {
  const odd = [1, Number.NaN, 2, Number.POSITIVE_INFINITY, -3, Number.NEGATIVE_INFINITY, 0.5, -0.25];
  const array = (shape: readonly number[], data: readonly number[]): NDArray => ({
    shape,
    dtype: 'f32',
    data: Float32Array.from(data),
  });
  const same = async (got: Tensor, op: string, operands: Operands, options: Options = {}) => {
    const expected = references[op]!(operands, options);
    const { error, index } = compareArrays(await got.read(), expected.data);
    const place = expected.shape.length > 0 && index >= 0 ? expected.data[index] : undefined;
    expect(error, `${op} at ${index}, expected ${place}`).toBeLessThan(1e-5);
  };

  test.each([
    ['silu', silu],
    ['gelu', gelu],
    ['quickGelu', quickGelu],
    ['relu', relu],
  ] as const)('%s', async (name, op) => {
    const finiteAbove = odd.filter((v) => v !== Number.NEGATIVE_INFINITY); // there the limit is 0 or NaN, by formula
    const x = array([finiteAbove.length], finiteAbove);
    await same(op(tensor([finiteAbove.length], finiteAbove)), name, { x });
  });

  test('arithmetic', async () => {
    const [a, b] = [array([8], odd), array([8], [...odd].reverse())];
    const [ta, tb] = [tensor([8], odd), tensor([8], [...odd].reverse())];
    await same(add(ta, tb), 'add', { a, b });
    await same(div(ta, tb), 'div', { a, b });
  });

  test.each(variants(normVariants(device.target)))('norms and softmax, %s', async (variant) => {
    const rows = [...odd.map((v) => (Number.isNaN(v) ? 4 : v)), ...odd, 1, 2, 3, 4, 5, 6, 7, 8];
    const x = array([3, 8], rows);
    const t = tensor([3, 8], rows);
    await same(layerNorm(t, { variant }), 'layerNorm', { x });
    await same(rmsNorm(t, { variant }), 'rmsNorm', { x });
    await same(softmax(t, { variant }), 'softmax', { x }, { axis: -1 });
    await same(groupNorm(t, { groups: 2, variant }), 'groupNorm', { x }, { groups: 2 });
  });

  test('reductions', async () => {
    const x = array([2, 2, 2], odd);
    for (const [name, op] of Object.entries({ sum, mean, max })) {
      await same(op(tensor([2, 2, 2], odd), { axes: [2] }), name, { x }, { axes: [2] });
    }
    expect(await max(tensor([3], [-3, Number.NEGATIVE_INFINITY, -7])).item()).toBe(-3);
  });
});

test('a large offset does not cancel in a variance', async () => {
  const data = Array.from({ length: 4096 }, (_, i) => 10_000 + (i % 2));
  for (const got of [
    layerNorm(tensor([1, 4096], data), { variant: 'invocation' }),
    layerNorm(tensor([1, 4096], data), { variant: 'workgroup' }),
    groupNorm(tensor([1, 4096, 1], data), { groups: 1, layout: 'channels-last' }),
    groupNorm(tensor([1, 1, 4096], data), { groups: 1 }),
  ]) {
    const values = await got.read();
    expect(Math.abs(values[1]! - 1)).toBeLessThan(1e-3);
    expect(Math.abs(values[0]! + 1)).toBeLessThan(1e-3);
  }
});

describe('empty tensors', () => {
  const none = tensor([0, 4]);
  test.each([
    ['silu', () => silu(none), [0, 4]],
    ['siluMul', () => siluMul(none, none), [0, 4]],
    ['add', () => add(none, tensor([4])), [0, 4]],
    ['layerNorm', () => layerNorm(none), [0, 4]],
    ['groupNorm', () => groupNorm(tensor([2, 4, 0]), { groups: 2 }), [2, 4, 0]],
    ['softmax', () => softmax(none), [0, 4]],
    ['slice', () => slice(tensor([3, 4]), { start: [1], end: [1] }), [0, 4]],
    ['permute', () => permute(none, [1, 0]), [4, 0]],
    ['cast', () => cast(none, 'i32'), [0, 4]],
    ['embedding', () => embedding(tensor([3, 4]), Tensor.from(device, [], [0], { dtype: 'i32' })), [0, 4]],
    ['upsampleNearest', () => upsampleNearest(tensor([1, 0, 2]), { scale: [2] }), [1, 0, 4]],
    ['randn', () => randn(device, [0, 3], { seed: 1 }), [0, 3]],
    ['timestepEmbedding', () => timestepEmbedding(tensor([0]), { dim: 4 }), [0, 4]],
    ['max over another axis', () => max(tensor([0, 4]), { axes: [1] }), [0]],
  ] as const)('%s', async (_, op, shape) => {
    const got = op();
    expect(got.shape).toEqual(shape);
    expect((await got.read()).length).toBe(0);
  });

  test('a sum over nothing is 0, a mean or maximum an error', async () => {
    expect([...(await sum(none, { axes: [0] }).read())]).toEqual([0, 0, 0, 0]);
    expect(() => mean(none, { axes: [0] })).toThrow('mean: axes [0] of [0, 4] hold no elements');
    expect(() => max(none)).toThrow('max: axes [0, 1] of [0, 4] hold no elements');
  });

  test('empty parts of a concat, and padding nothing', async () => {
    expect([...(await concat([none, tensor([1, 4]), none], { axis: 0 }).read())]).toEqual([1, 1, 1, 1]);
    const pads = [
      [1, 0],
      [0, 0],
    ] as const;
    expect([...(await pad(none, { pads, value: 2 }).read())]).toEqual([2, 2, 2, 2]);
    expect(() => pad(none, { pads, mode: 'replicate' })).toThrow('pad: [0, 4] has no element to replicate');
  });
});

describe('no inputs, no positions', () => {
  const bias = tensor([3], [1, 2, 3]);
  test('a product over nothing is the bias', async () => {
    expect([...(await linear(tensor([2, 0]), tensor([3, 0]), { bias }).read())]).toEqual([1, 2, 3, 1, 2, 3]);
    expect([
      ...(await swiglu(tensor([2, 0]), pack([tensor([3, 0]), tensor([3, 0])], { use: 'swiglu' })).read()),
    ]).toEqual(new Array(6).fill(0));
    for (const layout of ['channels-first', 'channels-last'] as const) {
      const x = tensor(layout === 'channels-last' ? [1, 2, 0] : [1, 0, 2]);
      const y = await conv1d(x, tensor([3, 0, 1]), { layout, bias }).read();
      expect([...y].sort()).toEqual([1, 1, 2, 2, 3, 3]);
    }
  });

  test('an empty range of rows can be bound', async () => {
    const x = tensor([64, 4]);
    const end = x.rows(64, 64)!;
    expect(end.shape).toEqual([0, 4]);
    const ids = Tensor.from(device, [0, 1], [2], { dtype: 'i32' });
    expect([...(await embedding(end, ids).read())]).toEqual(new Array(8).fill(0));
  });

  test.each([0, 2 ** 22])('a convolution over an axis of %s positions is refused', (size) => {
    const x = { shape: [1, 1, size] };
    expect(() => convSizes(x.shape, [1, 1, 1], { padding: 1 })).toThrow(
      `conv1d: axis 0 of the input must have 1 to 4194303 positions, upsampled ones counted: got x [1, 1, ${size}]`,
    );
    expect(() => convSizes([1, 1, size / 2], [1, 1, 1], { upsample: [2], padding: 1 })).toThrow('upsampled');
  });
});

test('frames before a convolution, and cells, that do not fit', () => {
  const [x, weight] = [tensor([1, 2, 3, 3, 4]), tensor([4, 4, 3, 3, 3])];
  const padding = 1;
  const before = tensor([1, 2, 3, 2, 4]);
  expect(() => conv3d(x, weight, { layout: 'channels-last', padding, before })).toThrow(
    'conv3d: before is [1, 2, 3, 2, 4] for x [1, 2, 3, 3, 4], expected [1, n, 3, 3, 4], in a channels-last conv3d',
  );
  expect(() => conv3d(x, tensor([4, 2, 3, 3, 3]), { padding, before: x })).toThrow('conv3d: before is');
  expect(() => averageDown(x, { cell: [2, 2], channels: 4 })).toThrow(
    'averageDown: cells of [2, 2] in 4 runs do not fit [1, 2, 3, 3, 4]',
  );
  expect(() => averageDown(before, { cell: [2, 1], channels: 3 })).toThrow('in 3 runs');
  expect(() => repeatUp(x, { cell: [1, 1], channels: 6 })).toThrow(
    'repeatUp: 4 channels do not fill cells of [1, 1] with 6',
  );
  expect(() => repeatUp(x, { cell: [1, 2], channels: 4, residual: x })).toThrow(
    'repeatUp: residual is [1, 2, 3, 3, 4], expected [1, 2, 6, 6, 4]',
  );
});

test('padding with integers that no float holds', async () => {
  const of = (data: number[], dtype: 'i32' | 'u32') => Tensor.from(device, data, [data.length], { dtype });
  const pads = [[1, 1]] as const;
  expect([...(await pad(of([5], 'i32'), { pads, value: -16777217 }).read())]).toEqual([
    -16777217, 5, -16777217,
  ]);
  expect([...(await pad(of([5], 'u32'), { pads, value: 2 ** 32 - 1 }).read())]).toEqual([
    2 ** 32 - 1,
    5,
    2 ** 32 - 1,
  ]);
  expect(() => pad(of([5], 'u32'), { pads, value: -1 })).toThrow('pad: value -1 does not fit u32');
  expect(() => pad(of([5], 'i32'), { pads, value: 0.5 })).toThrow('pad: value 0.5 does not fit i32');
});

test('a time that is NaN embeds as NaN', async () => {
  const t = tensor([3], [Number.NaN, Number.NEGATIVE_INFINITY, 0]);
  const none = new Array(8).fill(Number.NaN);
  expect([...(await timestepEmbedding(t, { dim: 4 }).read())]).toEqual([...none, 1, 1, 0, 0]);
});

test('an id outside the table gives zeros', async () => {
  const table = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
  const ids = Tensor.from(device, [1, -1, 2, 0], [4], { dtype: 'i32' });
  expect([...(await embedding(table, ids).read())]).toEqual([4, 5, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
  expect([...(await embedding(table, [1, 0]).read())]).toEqual([4, 5, 6, 1, 2, 3]);
});

test('bounds of a slice are as in Python', async () => {
  const x = tensor([5], [0, 1, 2, 3, 4]);
  const of = async (start: number, end: number) => [
    ...(await slice(x, { start: [start], end: [end] }).read()),
  ];
  expect(await of(2, 9)).toEqual([2, 3, 4]);
  expect(await of(-9, -3)).toEqual([0, 1]);
  expect(await of(3, 1)).toEqual([]);
  expect(await of(7, 9)).toEqual([]);
});

test('floats clamp to the range of integers', async () => {
  const x = tensor([5], [-1.9, 3e9, -3e9, 2.9, Number.NaN]);
  expect([...(await cast(x, 'i32').read())]).toEqual([-1, 2 ** 31 - 128, -(2 ** 31), 2, 0]);
  expect([...(await cast(x, 'u32').read())]).toEqual([0, 3e9, 0, 2, 0]);
});

test('the references count axes as PyTorch does', () => {
  const x: NDArray = { shape: [2, 3], dtype: 'f32', data: Float32Array.of(0, 1, 2, 3, 4, 5) };
  expect(at(x, [1, 2])).toBe(5);
  expect([...references.sum!({ x }, { axes: [-1] }).data]).toEqual([3, 12]);
});

describe('what does not fit is refused', () => {
  const x = tensor([2, 6]);
  const whole = Tensor.from(device, [1, 2], [2], { dtype: 'i32' });
  test.each([
    [() => add(x, tensor([5])), 'add: shapes do not broadcast: got [2, 6] and [5]'],
    [() => add(1, 2), 'add: at least one side must be a tensor'],
    [() => silu(whole), 'silu: operands must all be f32 or all f16: got x i32'],
    [() => siluMul(x, tensor([2, 5])), 'siluMul: b is [2, 5], expected [2, 6]'],
    [() => gatedResidual(x, tensor([3, 6]), x), 'gatedResidual: gate is [3, 6], expected [2, 6]'],
    [() => layerNorm(x, { weight: tensor([5]) }), 'layerNorm: weight is [5], expected [6]'],
    [() => rmsNorm(x, { shift: tensor([6]) }), 'shift and scale come together: got only shift'],
    [() => layerNorm(tensor([])), 'layerNorm: x is a scalar'],
    [() => groupNorm(x, { groups: 4 }), 'groups=4 must divide the channels, 6 of [2, 6] channels-first'],
    [() => softmax(x, { axis: 2 }), 'softmax: axis 2 of [2, 6]: expected -2 to 1'],
    [() => sum(x, { axes: [1, -1] }), 'sum: axes [1, -1] of [2, 6] name one axis twice'],
    [
      () => slice(x, { start: [0.5], end: [2] }),
      'slice: bounds must be whole numbers, at most one per axis of [2, 6]: got [0.5] to [2]',
    ],
    [() => div(whole, 2), 'div: got i32, whose quotients are not integers; cast() to f32 first'],
    [() => add(whole, 0.5), 'add: b 0.5 does not fit i32'],
    [() => add(whole, x), 'add: operands must all be f32 or all f16: got a i32, b f32; cast() converts'],
    [() => clamp(whole, 0.5, 2), 'clamp: low 0.5 does not fit i32'],
    [() => embedding(x, [1, 2]), 'embedding: id 2 at 1: expected an integer from 0 to 1'],
    [() => embedding(x, Int32Array.of(-1)), 'embedding: id -1 at 0: expected an integer from 0 to 1'],
    [
      () => attention(tensor([1, 2, 12]), tensor([1, 2, 8]), tensor([1, 2, 8]), { heads: 3, keyHeads: 2 }),
      'k [1, 2, 8], v [1, 2, 8], heads 3, keyHeads 2; expected q [B, N, heads D], k [B, M, keyHeads D]',
    ],
    [
      () => concat([x, tensor([2, 5])], { axis: 0 }),
      'shapes must be equal except for axis 0: got [2, 6], [2, 5]',
    ],
    [() => concat([x, cast(x, 'i32')], { axis: 0 }), 'concat: operands must have one type: got f32 and i32'],
    [() => concat([], { axis: 0 }), 'concat: no tensors'],
    [() => permute(x, [1]), 'permute: axes [1] must name every axis of [2, 6] once'],
    [() => pad(x, { pads: [[0, -1]] }), 'pad: pads must be [before, after] from 0 for each axis of [2, 6]'],
    [() => upsampleNearest(tensor([1, 1, 2]), { scale: [1.5] }), 'must be 1 whole numbers'],
    [() => embedding(x, x), 'embedding: ids must be i32 or u32, got f32'],
    [() => timestepEmbedding(tensor([1]), { dim: 3 }), 'timestepEmbedding: dim=3 must be even'],
  ])('%#: %s', (op, message) => {
    expect(op).toThrow(message);
  });
});
