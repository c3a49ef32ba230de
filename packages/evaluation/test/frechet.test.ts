// The Frechet distance against SciPy (`linalg.sqrtm`) and NumPy (`cov`), on the same features.

import { encoderFeatures, featureStatistics, frechetDistance } from '@moviegen/evaluation';
import type { TAE } from '@moviegen/tae';
import { randn } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

/** [n][6] */
const features = (n: number, k: number) =>
  Array.from({ length: n }, (_, i) =>
    Array.from(
      { length: 6 },
      (_, j) => (1 + k) * Math.sin(1.3 * i * (j + 1) + k) + 0.3 * j * k + 0.5 * Math.cos(0.7 * i + j),
    ),
  );

test('the value of SciPy', () => {
  const [a, b] = [featureStatistics(features(40, 0)), featureStatistics(features(30, 1))];
  expect(frechetDistance(a, b)).toBeCloseTo(7.891847966706681, 9);
  expect(frechetDistance(b, a)).toBeCloseTo(7.891847966706681, 9);
  expect(frechetDistance(a, a)).toBeCloseTo(0, 9);
});

test('of one Gaussian moved: the squared way', () => {
  const a = features(40, 0);
  const b = a.map((each) => each.map((value, j) => value + (j === 2 ? 3 : 0)));
  expect(frechetDistance(featureStatistics(a), featureStatistics(b))).toBeCloseTo(9, 9);
});

test('too few videos, and features that differ in length', () => {
  expect(() => featureStatistics([[1, 2]])).toThrow('expected at least 2 videos, got 1');
  expect(() => featureStatistics([[1, 2], [1]])).toThrow('got 2 and 1');
  const of = (F: number) => featureStatistics([new Array(F).fill(0), new Array(F).fill(1)]);
  expect(() => frechetDistance(of(2), of(3))).toThrow('got 2 and 3');
});

test('features are mean and deviation of each channel', async () => {
  const device = await testDevice();
  const video = randn(device, [2, 3, 8, 8, 8], { seed: 1 });
  const latent = randn(device, [2, 4, 1, 3, 5], { seed: 2 });
  const tae = { encode: () => ({ mean: latent }) } as unknown as TAE;
  const got = await encoderFeatures(tae, video);
  const values = [...(await latent.read())];
  expect(got.length).toBe(2);
  for (const [b, each] of got.entries())
    for (let c = 0; c < 4; c++) {
      const own = values.slice((b * 4 + c) * 15, (b * 4 + c + 1) * 15);
      const centre = own.reduce((sum, v) => sum + v, 0) / 15;
      const deviation = Math.sqrt(own.reduce((sum, v) => sum + (v - centre) ** 2, 0) / 15);
      expect(each[c]).toBeCloseTo(centre, 5);
      expect(each[4 + c]).toBeCloseTo(deviation, 5);
    }
  for (const tensor of [video, latent]) tensor.dispose();
});
