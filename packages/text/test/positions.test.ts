import { expect, test } from 'vitest';
import { relativeBucket } from '../src/t5/positions.ts';

/** [first distance, bucket] of each run, for distances 0 to -600 (keys before the query). */
const runs = (numBuckets: number, maxDistance: number) => {
  const found: [number, number][] = [];
  for (let distance = 0; distance <= 600; distance++) {
    const bucket = relativeBucket(-distance, numBuckets, maxDistance);
    if (bucket !== found.at(-1)?.[1]) found.push([distance, bucket]);
  }
  return found;
};

// From transformers' T5Attention._relative_position_bucket (5.18.0).
test.each([
  [
    32,
    128,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, 8],
      [12, 9],
      [16, 10],
      [23, 11],
      [32, 12],
      [46, 13],
      [64, 14],
      [91, 15],
    ],
  ],
  [
    8,
    20,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [7, 3],
    ],
  ],
  [
    16,
    64,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [8, 5],
      [16, 6],
      [32, 7],
    ],
  ],
  [
    64,
    256,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, 8],
      [9, 9],
      [10, 10],
      [11, 11],
      [12, 12],
      [13, 13],
      [14, 14],
      [15, 15],
      [16, 16],
      [20, 17],
      [23, 18],
      [27, 19],
      [32, 20],
      [39, 21],
      [46, 22],
      [54, 23],
      [64, 24],
      [77, 25],
      [91, 26],
      [108, 27],
      [128, 28],
      [153, 29],
      [182, 30],
      [216, 31],
    ],
  ],
  [
    32,
    100,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, 8],
      [11, 9],
      [16, 10],
      [21, 11],
      [29, 12],
      [39, 13],
      [54, 14],
      [73, 15],
    ],
  ],
  [
    12,
    50,
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [8, 4],
      [20, 5],
    ],
  ],
] as const)('buckets: %i up to %i', (numBuckets, maxDistance, expected) => {
  expect(runs(numBuckets, maxDistance)).toEqual(expected);
  for (let distance = 1; distance <= 600; distance++) {
    const before = relativeBucket(-distance, numBuckets, maxDistance);
    expect(relativeBucket(distance, numBuckets, maxDistance)).toBe(before + numBuckets / 2);
  }
});
