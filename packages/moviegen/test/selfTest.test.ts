// The self-test of kernels that the doctor and the page's Device tab share.

import { testDevice } from '@moviegen/testing/device';
import { selfTest } from 'moviegen';
import { expect, test } from 'vitest';
import { selfTestCases } from '../src/parity/selfTest.ts';

test('ops that must be exact pass where they are', async () => {
  const exact = selfTestCases('cast');
  expect(exact.some(({ tolerance }) => tolerance.f32 === 0)).toBe(true);
  const told: number[] = [];
  const report = await selfTest(await testDevice(), {
    filter: 'cast',
    onProgress: ({ cases }) => void told.push(cases),
  });
  expect(report.failures).toEqual([]);
  expect(report.worst).toMatchObject({ cast: expect.any(Number) });
  expect(report.worst.cast).toBeLessThanOrEqual(1);
  expect(told).toEqual(exact.map((_, i) => i + 1));
});

test('a filter that no case holds', () => {
  expect(() => selfTestCases('no such op')).toThrow('doctor: no kernel\'s case holds "no such op"');
});
