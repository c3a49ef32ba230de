// The bench measures what it claims to: order statistics, rows that are checked and timed, wrong results that are
// refused.
import { type Case, cases, type NDArray, spec } from '@moviegen/kernels';
import { caseOperands, caseReference, caseVariants, uploadOperands } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { firstAndLastRows, narrowArray } from '../bench/src/caseRows.ts';
import { boundOf } from '../bench/src/ceilings.ts';
import { checkOnDevice } from '../bench/src/check.ts';
import { largeCases } from '../bench/src/largeCases.ts';
import { measure } from '../bench/src/measure.ts';
import { taeDecode } from '../bench/src/models.ts';
import { percentile } from '../bench/src/statistics.ts';
import { modelTable, table } from '../bench/src/table.ts';
import { namedIn } from '../bench/src/variant.ts';

const device = await testDevice();
const item: Case = {
  op: 'rmsNorm',
  name: '3x8',
  inputs: { x: spec([3, 8]) },
  options: {},
  tolerance: { f32: 1e-5, f16: 1e-3, why: 'a sum in f32' },
  flops: 192,
  bytes: 192,
  use: 'bench',
};
const ceilings = { flops: { f32: 2e9 }, copyBytes: 1e9 };

test('percentiles lie between their neighbours', () => {
  const samples = [4, 1, 3, 2, 5];
  expect([0, 0.1, 0.5, 0.9, 1].map((p) => percentile(samples, p))).toEqual([1, 1.4, 3, 4.6, 5]);
  expect(percentile([7], 0.9)).toBe(7);
});

test('a case is checked, timed and shown', async () => {
  const used = device.memory().used;
  const result = await measure(device, item, {}, { runs: 5, time: 1000, ceilings });
  expect(result).toMatchObject({ op: 'rmsNorm', name: '3x8', runs: 5, check: { against: 'reference' } });
  expect(result.check.error).toBeLessThan(1e-5);
  expect(result.p10).toBeLessThanOrEqual(result.median);
  expect(result.median).toBeLessThanOrEqual(result.p90);
  expect(result.gflops).toBeCloseTo(192 / result.median / 1e6);
  expect(result.intensity).toBe(1);
  expect(result.bound).toEqual({ share: 192 / 1e6 / result.median, by: 'memory' });
  expect(table([result])).toMatch(/rmsNorm.*3x8.*f32.*reference/);
  expect(device.memory().used).toBe(used);
});

test('the labels of dispatched kernels tell which variant ran', () => {
  const variants = ['8x8', 'tiles 8x8', 'plain'];
  expect(namedIn(['matmul f32 tiles 8x8 silu', 'copy'], variants)).toBe('tiles 8x8');
  expect(namedIn(['matmul f32 8x8'], variants)).toBe('8x8');
  expect(namedIn(['matmul f32 18x8'], variants)).toBeUndefined();
});

test('a wrong result is refused', async () => {
  const impossible = { ...item, tolerance: { ...item.tolerance, f32: -1 } };
  await expect(measure(device, impossible, {}, { runs: 3, time: 1 })).rejects.toThrow(
    /rmsNorm 3x8.*wrong result/,
  );
});

test('the roof is whatever bounds the work, operations or bytes', () => {
  expect(boundOf(ceilings, 'f32', { flops: 2e9, bytes: 1e8, ms: 2000 })).toEqual({
    share: 0.5,
    by: 'compute',
  });
  expect(boundOf(ceilings, 'f32', { flops: 1e8, bytes: 1e9, ms: 4000 })).toEqual({
    share: 0.25,
    by: 'memory',
  });
  const matrices = { flops: { f32: 1e9, f16: 2e9, subgroupMatrix: 8e9 }, copyBytes: 1e9 };
  expect(boundOf(matrices, 'f16', { flops: 8e9, bytes: 1, ms: 1000 })).toEqual({ share: 1, by: 'compute' });
});

test('the first and last rows, computed alone, equal those rows of the whole result', () => {
  const last = { layout: 'channels-last' };
  const made = (
    op: string,
    x: readonly number[],
    weight: readonly number[],
    options: Case['options'],
  ): Case => ({
    ...item,
    op,
    inputs: { x: spec(x), weight: spec(weight) },
    options: { ...last, ...options },
  });
  const tried = [
    made('conv2d', [2, 9, 5, 3], [4, 3, 3, 3], { padding: 1 }),
    made('conv2d', [2, 9, 5, 3], [4, 3, 3, 3], { padding: 1, stride: 2 }),
    made('conv3d', [1, 6, 4, 4, 2], [3, 2, 1, 2, 2], { stride: [1, 2, 2] }),
    made('conv1d', [3, 11, 2], [5, 2, 3], { padding: 2, dilation: 2 }),
    { ...item, op: 'matmul', inputs: { a: spec([9, 4]), b: spec([4, 3]) } },
    {
      ...item,
      op: 'attention',
      inputs: { q: spec([1, 9, 4]), k: spec([1, 5, 4]), v: spec([1, 5, 4]) },
      options: { heads: 2 },
    },
    { ...item, inputs: { x: spec([1, 9, 4]), shift: spec([1, 4]), scale: spec([1, 4]) } },
    { ...item, op: 'gatedResidual', inputs: { x: spec([1, 9, 4]), gate: spec([1, 4]), y: spec([1, 9, 4]) } },
    { ...item, op: 'groupNorm', inputs: { x: spec([5, 6, 4]) }, options: { groups: 2, ...last } },
    { ...item, op: 'siluMul', inputs: { a: spec([9, 4]), b: spec([9, 4]) } },
  ];
  for (const one of tried) {
    const operands = caseOperands(one);
    const whole = caseReference(one, operands).data;
    const some = firstAndLastRows<NDArray>(one, operands, whole.length, 0.3, narrowArray)!;
    expect(some.map(({ from }) => from)[0], one.op).toBe(0);
    expect(some[1]!.from + some[1]!.count, one.op).toBe(whole.length);
    for (const { operands: own, skip, from, count } of some) {
      const rows = caseReference(one, own).data.slice(skip, skip + count);
      expect(rows, one.op).toEqual(whole.slice(from, from + count));
    }
  }
});

test('large cases are checked on the device, and each has rows or variants to check', async () => {
  const small = cases.find(({ op, name }) => op === 'matmul' && name === '64x48 x 48x33')!;
  const operands = uploadOperands(device, caseOperands(small));
  const [variant] = caseVariants(device, small);
  const checked = await checkOnDevice(device, small, operands, { variant });
  expect(checked.against).toMatch(/, first and last rows$/);
  expect(checked.error).toBeLessThan(1e-5);
  const only = { ...item, op: 'siluMul', inputs: { a: spec([300, 4]), b: spec([300, 4]) } };
  const alone = await checkOnDevice(device, only, uploadOperands(device, caseOperands(only)), {});
  expect(alone.against).toBe('reference, first and last rows');
  for (const { op, name, flops, bytes } of largeCases)
    expect([flops > 0, bytes > 0], `${op} ${name}`).toEqual([true, true]);
});

test('a model of seeded weights is timed', async () => {
  const config = {
    inChannels: 3,
    outChannels: 3,
    latentChannels: 4,
    blockOutChannels: [4, 4, 4, 4],
    layersPerBlock: 1,
    normNumGroups: 1,
    midBlockAddAttention: false,
    useQuantConv: false,
    usePostQuantConv: false,
    scalingFactor: 1,
    shiftFactor: 0,
    temporal: true,
  };
  const own = await openDevice(); // a shared one would also count the tensors of other tests that are collected meanwhile
  const { used } = own.memory();
  const row = taeDecode('tiny', config, [1, 1, 1], false);
  const result = await row.run({ device: own, dtype: 'f32', runs: 3, time: 1 });
  expect(result).toMatchObject({ name: 'tiny', runs: 2 });
  expect(result.dispatches).toBeGreaterThan(10);
  expect(result.median).toBeGreaterThan(0);
  expect(modelTable([result])).toMatch(/tiny.*f32/);
  expect(own.memory().used).toBe(used);
  own.destroy();
});
