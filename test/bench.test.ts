// The benchmark measures what it says: order statistics, a checked and timed row, a wrong result refused.
import { type Case, spec } from '@moviegen/kernels';
import { expect, test } from 'vitest';
import { measure } from '../bench/src/measure.ts';
import { percentile } from '../bench/src/statistics.ts';
import { table } from '../bench/src/table.ts';
import { testDevice } from '../packages/tensor/test/device.ts';

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

test('percentiles lie between their neighbours', () => {
  const samples = [4, 1, 3, 2, 5];
  expect([0, 0.1, 0.5, 0.9, 1].map((p) => percentile(samples, p))).toEqual([1, 1.4, 3, 4.6, 5]);
  expect(percentile([7], 0.9)).toBe(7);
});

test('a case is checked, timed and shown', async () => {
  const used = device.memory().used;
  const result = await measure(device, item, {}, { runs: 5, time: 1000 });
  expect(result).toMatchObject({ op: 'rmsNorm', name: '3x8', runs: 5, check: { against: 'reference' } });
  expect(result.check.error).toBeLessThan(1e-5);
  expect(result.p10).toBeLessThanOrEqual(result.median);
  expect(result.median).toBeLessThanOrEqual(result.p90);
  expect(result.gflops).toBeCloseTo(192 / result.median / 1e6);
  expect(table([result])).toMatch(/rmsNorm.*3x8.*f32.*reference/);
  expect(device.memory().used).toBe(used);
});

test('a wrong result is refused', async () => {
  const impossible = { ...item, tolerance: { ...item.tolerance, f32: -1 } };
  await expect(measure(device, impossible, {}, { runs: 3, time: 1 })).rejects.toThrow(
    /rmsNorm 3x8.*wrong result/,
  );
});
