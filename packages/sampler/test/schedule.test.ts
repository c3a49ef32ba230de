// Times of the schedules: no device.

import { linearQuadraticSchedule, linearSchedule } from '@moviegen/sampler';
import { expect, test } from 'vitest';

const golden = {
  25: [0.1, 0.025],
  26: [0.10528, 0.02752],
  30: [0.152, 0.068],
  40: [0.448, 0.382],
  49: [0.93328, 0.92452],
};

test.each([
  [250, 0],
  [1000, 1],
])('linear-quadratic, 50 steps, n = %i: the golden values of the spec', (n, column) => {
  const times = linearQuadraticSchedule(50, n);
  expect(times).toHaveLength(51);
  for (const [i, values] of Object.entries(golden)) expect(times[Number(i)]).toBeCloseTo(values[column]!, 12);
  expect([times[0], times[50]]).toEqual([0, 1]);
  for (let i = 0; i < 25; i++) expect(times[i]).toBeCloseTo(i / n, 12);
});

test('n is 250 by default', () =>
  expect(linearQuadraticSchedule(50)).toEqual(linearQuadraticSchedule(50, 250)));

test.each([1, 2, 3, 7, 50, 250])('%i steps rise from 0 to 1', (steps) => {
  for (const times of [linearSchedule(steps), linearQuadraticSchedule(steps)]) {
    expect(times).toHaveLength(steps + 1);
    expect([times[0], times.at(-1)]).toEqual([0, 1]);
    for (let i = 1; i <= steps; i++) expect(times[i]).toBeGreaterThan(times[i - 1]!);
  }
});

test('slope meets where the parabola begins', () => {
  const times = linearQuadraticSchedule(1000, 2000);
  const slope = (i: number) => times[i + 1]! - times[i]!;
  expect(slope(500) / slope(499)).toBeCloseTo(1, 2);
});

test('what makes no schedule is said', () => {
  for (const steps of [0, -1, 1.5, Number.NaN]) {
    expect(() => linearSchedule(steps)).toThrow('steps must be an integer of at least 1');
    expect(() => linearQuadraticSchedule(steps)).toThrow('steps must be an integer of at least 1');
  }
  for (const n of [49, 100.5])
    expect(() => linearQuadraticSchedule(50, n)).toThrow('an integer of at least steps = 50');
});
