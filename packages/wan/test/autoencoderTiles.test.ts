// Where diffusers' tiles lie: one at every stride that begins within the frame.

import { expect, test } from 'vitest';
import { type TileOptions, tileGrid } from '../src/autoencoder/tiles.ts';

const grid = (
  size: readonly [number, number],
  options: TileOptions,
  patch = 1,
  most = Number.POSITIVE_INFINITY,
) => {
  const { rows, columns } = tileGrid('test', size, options, (height, width) => height * width <= most, patch);
  const spans = (list: typeof rows) => list.map(({ start, end }) => `${start}-${end}`).join(' ');
  return [spans(rows), spans(columns)];
};

test('832x480 in tiles of 256 pixels every 192', () => {
  expect(grid([60, 104], { spatialTile: 32 })).toEqual([
    '0-32 24-56 48-60',
    '0-32 24-56 48-80 72-104 96-104',
  ]);
});

test('a frame that is no larger than a tile is one tile; one that is larger along one axis is tiled along both', () => {
  expect(grid([32, 32], { spatialTile: 32 })).toEqual(['0-32', '0-32']);
  expect(grid([32, 33], { spatialTile: 32 })).toEqual(['0-32 24-32', '0-32 24-33']);
});

test("2.2's encoder: pixels are held against a tile in patches", () => {
  const options = { spatialTile: [6, 10], spatialOverlap: [2, 2] } as const;
  expect(grid([6, 10], options)).toEqual(['0-6', '0-10']);
  expect(grid([6, 10], options, 2)).toEqual(['0-6 4-6', '0-10 8-10']);
  expect(grid([3, 5], options, 2)).toEqual(['0-3', '0-5']);
});

test('without sizes: the whole frame where it fits, else 32 or a half of it that does', () => {
  expect(grid([60, 104], {})).toEqual(['0-60', '0-104']);
  expect(grid([60, 104], {}, 1, 1024)).toEqual(grid([60, 104], { spatialTile: 32, spatialOverlap: 8 }));
  expect(grid([60, 104], {}, 1, 1023)).toEqual(grid([60, 104], { spatialTile: 16, spatialOverlap: 4 }));
  expect(() => grid([60, 104], {}, 1, 0)).toThrow(
    "test: the adapter's buffers cannot hold even a tile of one position",
  );
});
