// Resizing to cover, against values by hand.

import { type Frames, resizeToCover } from 'moviegen';
import { expect, test } from 'vitest';

/** Grey frames of rows of values. */
const grey = (...rows: number[][]): Frames => ({
  data: Uint8Array.from(rows.flat().flatMap((value) => [value, value, value])),
  shape: [1, rows.length, rows[0]!.length, 3],
});
const red = ({ data, shape: [, H, W] }: Frames): number[][] =>
  Array.from({ length: H }, (_, y) => Array.from({ length: W }, (_, x) => data[(y * W + x) * 3]!));

test('smaller: the mean over areas', () => {
  expect(red(resizeToCover(grey([0, 20, 40, 60], [20, 40, 60, 80]), 1, 2))).toEqual([[20, 60]]);
  // Parts of 1.5: (10 + 20 / 2) / 1.5, (20 / 2 + 60) / 1.5.
  expect(red(resizeToCover(grey([10, 20, 60], [10, 20, 60], [10, 20, 60]), 2, 2))).toEqual([
    [13, 47],
    [13, 47],
  ]);
});

test('larger: bilinear, half-pixel centres, edges repeated', () => {
  expect(red(resizeToCover(grey([0, 100], [0, 100]), 4, 4))).toEqual(Array(4).fill([0, 25, 75, 100]));
});

test('another aspect: the middle', () => {
  expect(red(resizeToCover(grey([1, 2, 3, 4], [5, 6, 7, 8]), 2, 2))).toEqual([
    [2, 3],
    [6, 7],
  ]);
  const tall = grey([1], [2], [3], [4]);
  expect(red(resizeToCover(tall, 2, 1))).toEqual([[2], [3]]);
  expect(resizeToCover(tall, 4, 1)).toBe(tall);
});

test('a size that makes no sense is refused', () => {
  expect(() => resizeToCover(grey([1]), 0, 3)).toThrow('resize: the size must be positive integers, got 3x0');
});
