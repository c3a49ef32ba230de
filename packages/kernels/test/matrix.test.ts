// The tiling of the tensor core kernels, replayed on the CPU with the same constants. Each unit of workgroup memory
// remembers what was written there; a unit that is read before it is written gives NaN.

import { targets } from '@moviegen/testing/targets';
import { describe, expect, test } from 'vitest';
import { attentionTiles } from '../src/attention/matrixTiles.ts';
import { type MatrixTile, matrixConfig, matrixLayout } from '../src/matmul/matrixTile.ts';
import { matrixTilesOf } from '../src/matmul/tiles.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const ceil = (a: number, b: number): number => Math.ceil(a / b);
/** Small integers, so that sums are exact. */
const number = (i: number): number => ((i * 7919) % 11) - 5;

/** Workgroup memory of 8-byte units, four halves or two numbers each. */
class Units {
  readonly halves: Float64Array;
  readonly floats: Float64Array;
  constructor(count: number) {
    this.halves = new Float64Array(4 * count).fill(Number.NaN);
    this.floats = new Float64Array(2 * count).fill(Number.NaN);
  }
  put(unit: number, values: readonly number[]): void {
    if (4 * unit + 4 > this.halves.length) throw new Error(`unit ${unit} lies outside`);
    this.halves.set(values, 4 * unit);
  }
  /** Element (r, c) of a row-major matrix of halves that begins at a unit, with rows `pitch` units apart. */
  half(unit: number, pitch: number, r: number, c: number): number {
    return this.halves[4 * (unit + r * pitch) + c] ?? Number.NaN;
  }
  float(unit: number, pitch: number, r: number, c: number): number {
    return this.floats[2 * (unit + r * pitch) + c] ?? Number.NaN;
  }
  store(unit: number, pitch: number, m: number, n: number, value: (r: number, c: number) => number): void {
    if (unit + (m - 1) * pitch + n / 2 > this.floats.length / 2) throw new Error(`${unit} lies outside`);
    for (const r of range(m)) for (const c of range(n)) this.floats[2 * (unit + r * pitch) + c] = value(r, c);
  }
}

/** The product of A [M, K] and B [K, N], one workgroup after the other, as in the text of matrixTileWGSL. */
function product(tile: MatrixTile, M: number, N: number, K: number) {
  const { m, n, k, rows, columns, down, across, subgroup, slab } = tile;
  const { height, width, pitchA, pitchB, pitchC, startB, buffer, units } = matrixLayout(tile);
  const [size, steps, depth] = [down * across * subgroup, slab / 4, K / 4];
  const out = new Map<number, number>();
  const [tilesM, tilesN] = [ceil(M, height), ceil(N, width)];
  for (const index of range(tilesM * tilesN)) {
    const firstOfBand = Math.floor(index / (16 * tilesN)) * 16;
    const rowsOfBand = Math.min(16, tilesM - firstOfBand);
    const inBand = index - firstOfBand * tilesN;
    const firstRow = (firstOfBand + (inBand % rowsOfBand)) * height;
    const firstColumn = Math.floor(inBand / rowsOfBand) * (width / 4);
    const slabs = new Units(units);
    const sums = range(down * across).map(() => new Float64Array(rows * m * columns * n));
    const turns = ceil(depth, steps);
    for (let turn = 0; turn <= turns; turn++) {
      if (turn > 0) {
        const full = ((turn - 1) % 2) * buffer;
        for (const group of range(down * across)) {
          const ownRow = Math.floor(group / across) * rows * m;
          const ownColumn = ((group % across) * columns * n) / 4;
          for (const s of range(slab / k))
            for (const i of range(rows * m))
              for (const j of range(columns * n))
                for (const e of range(k)) {
                  const a = slabs.half(
                    full + (ownRow + Math.floor(i / m) * m) * pitchA + (s * k) / 4,
                    pitchA,
                    i % m,
                    e,
                  );
                  const at = full + startB + s * k * pitchB + (Math.floor(j / n) * n) / 4 + ownColumn;
                  sums[group]![i * columns * n + j]! += a * slabs.half(at, pitchB, e, j % n);
                }
        }
      }
      if (turn === turns) break;
      const next = (turn % 2) * buffer;
      for (const lane of range(size)) {
        for (const i of range(ceil(height * steps, size))) {
          const at = lane + i * size;
          if (at >= height * steps) continue;
          const row = Math.min(firstRow + Math.floor(at / steps), M - 1);
          const kA = turn * steps + (lane % steps);
          const values = range(4).map((e) => (kA < depth ? number(row * K + kA * 4 + e) : 0));
          slabs.put(next + Math.floor(at / steps) * pitchA + (at % steps), values);
        }
        for (const i of range(ceil((width * steps) / 4, size))) {
          const at = lane + i * size;
          const [step, column] = [Math.floor(at / (width / 4)), at % (width / 4)];
          if (step >= steps) continue;
          const kB = turn * steps + step;
          for (const e of range(4)) {
            const first = (firstColumn + column) * 4;
            const values = range(4).map((c) => (kB < depth ? number((kB * 4 + e) * N + first + c) : 0));
            slabs.put(next + startB + (step * 4 + e) * pitchB + column, values);
          }
        }
      }
    }
    for (const i of range(rows)) {
      for (const group of range(down * across))
        for (const j of range(columns)) {
          const ownColumn = ((group % across) * columns * n) / 4;
          const at = Math.floor(group / across) * m * pitchC + ownColumn * 2 + (j * n) / 2;
          const value = (r: number, c: number) => sums[group]![(i * m + r) * columns * n + j * n + c]!;
          slabs.store(at, pitchC, m, n, value);
        }
      for (const place of range((down * m * width) / 4)) {
        const line = Math.floor(place / (width / 4));
        const at = firstColumn + (place % (width / 4));
        const row = firstRow + Math.floor(line / m) * rows * m + i * m + (line % m);
        if (at >= N / 4 || row >= M) continue;
        for (const c of range(4)) {
          const to = row * N + at * 4 + c;
          if (out.has(to)) throw new Error(`${to} is written twice`);
          out.set(to, slabs.float(line * pitchC + (place % (width / 4)) * 2, 0, 0, c));
        }
      }
    }
  }
  return out;
}

const tiles = Object.entries(targets).flatMap(([name, target]) =>
  [...matrixTilesOf(target)].map(([variant, tile]) => [name, variant, tile] as const),
);

describe('products', () => {
  test('GPUs have tiles for small and large products', () => {
    expect([...matrixTilesOf(targets['NVIDIA-like']!).keys()]).toEqual([
      'matrix 32x32',
      'matrix 64x64',
      'matrix 128x128',
      'matrix 256x128',
    ]);
    expect(matrixTilesOf({ ...targets['NVIDIA-like']!, f16: false }).size).toBe(0);
    expect(matrixConfig({ ...targets['NVIDIA-like']!, subgroupSize: [16, 32] })).toBeUndefined();
  });

  test.each(tiles)('%s, %s: every result, once, whatever the sizes', (_, variant, tile) => {
    const { height, width } = matrixLayout(tile);
    const large = height * width > 64 * 64;
    const [M, N, K] = large ? [height - 7, 12, 20] : [height + 3, width + 4, tile.slab * 2 + 4];
    const out = product(tile, M, N, K);
    expect(out.size).toBe(M * N);
    for (const row of range(M))
      for (const column of range(N)) {
        let sum = 0;
        for (const e of range(K)) sum += number(row * K + e) * number(e * N + column);
        if (out.get(row * N + column) !== sum) throw new Error(`${variant}: wrong at ${row}, ${column}`);
      }
  });

  test.each(tiles)('%s, %s: fits, and rows of a matrix lie in different banks', (name, _, tile) => {
    const { bytes, pitchA, pitchB } = matrixLayout(tile);
    expect(bytes).toBeLessThanOrEqual(targets[name]!.maxWorkgroupStorage);
    for (const pitch of [pitchA, pitchB]) {
      const banks = range(8).map((r) => (r * pitch * 2) % 32); // eight rows of 16 bytes are read at once
      expect(new Set(banks.map((bank) => Math.floor(bank / 4))).size).toBe(8);
    }
  });
});

describe('attention', () => {
  const heads = [8, 16, 64, 72, 128, 256];
  const cases = Object.entries(targets).flatMap(([name, target]) =>
    heads.flatMap((D) => {
      const tiles = attentionTiles(D, target);
      return tiles ? [[name, D, tiles, target] as const] : []; // heads of 256 need more memory than Apple GPUs have
    }),
  );

  test('heads up to 128 have tiles everywhere', () => {
    expect(cases.filter(([, D]) => D <= 128).length).toBe(15);
  });

  test.each(cases)('%s, heads of %i: rows and columns are covered once, and fit', (_, D, tiles, target) => {
    const { m, n, k, subgroup, subgroups, rows, queries, keys, depth, pitch, units } = tiles;
    const sharing = subgroup / (rows * m);
    expect(depth).toBeGreaterThanOrEqual(D);
    expect([depth % n, depth % k, keys % n, keys % k]).toEqual([0, 0, 0, 0]);
    expect(8 * (units.slab + units.scores + units.weights) + 4).toBeLessThanOrEqual(
      target.maxWorkgroupStorage,
    );

    // Scores: every (query, key) is stored by one subgroup, and turned into a weight by one lane of the same subgroup.
    const scores = new Units(units.scores);
    const weights = new Units(units.weights);
    const slab = new Units(units.slab);
    for (const place of range((keys * depth) / 4)) {
      const at = Math.floor(place / (depth / 4)) * pitch.slab + (place % (depth / 4));
      slab.put(
        at,
        range(4).map((e) => number(place * 4 + e)),
      );
    }
    const query = (row: number, d: number): number => number(row * 31 + d);
    const score = (row: number, key: number): number =>
      range(depth).reduce((sum, d) => sum + query(row, d) * number(key * depth + d), 0);
    for (const group of range(subgroups))
      for (const i of range(rows))
        for (const j of range(keys / n)) {
          const first = group * rows * m + i * m;
          scores.store(first * pitch.scores + (j * n) / 2, pitch.scores, m, n, (r, c) => {
            let sum = 0;
            for (const d of range(depth / k))
              for (const e of range(k)) {
                // a column of k^T is a row of the slab
                const value = slab.half(j * n * pitch.slab + (d * k) / 4, pitch.slab, c, e);
                sum += query(first + r, d * k + e) * value;
              }
            return sum;
          });
        }
    for (const group of range(subgroups))
      for (const lane of range(subgroup)) {
        const row = group * rows * m + Math.floor(lane / sharing);
        for (const c of range(keys / 4 / sharing)) {
          const at = (lane % sharing) + sharing * c;
          const four = range(4).map((e) => scores.float(row * pitch.scores + at * 2, 0, 0, e));
          four.forEach((value, e) => {
            if (value !== score(row, at * 4 + e)) throw new Error(`score ${row}, ${at * 4 + e}`);
          });
          weights.put(row * pitch.weights + at, four);
        }
      }
    for (const row of range(queries))
      for (const key of range(keys)) {
        const i = Math.floor(row / m) * m;
        const s = Math.floor(key / k);
        if (
          weights.half(i * pitch.weights + (s * k) / 4, pitch.weights, row % m, key % k) !== score(row, key)
        )
          throw new Error(`weight ${row}, ${key}`);
      }

    // Results: they go through the memory of the scores, as many columns at a time as fit.
    const seen = new Set<number>();
    for (const j of range(depth / n)) {
      const block = Math.floor((j * n) / keys);
      const unit = (j * n - block * keys) / 2;
      expect(unit + n / 2).toBeLessThanOrEqual(keys / 2);
      for (const c of range(n)) seen.add(block * keys + unit * 2 + c);
    }
    expect(seen.size).toBe(depth);
  });
});
