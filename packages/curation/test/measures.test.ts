// Measures against closed forms and plain computations. Motion and cut scores are also held to FFmpeg's (test/ffmpeg).

import {
  CLIP_OPTIONS,
  type ClipOptions,
  clipsOf,
  cutScores,
  type FilmMeasures,
  measuresOf,
  scenesOf,
} from '@moviegen/curation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bordersOf, linesOf } from '../src/measures/borders.ts';
import { cameraMotion, frameMove } from '../src/measures/camera.ts';
import { ChangeMeter, motion2Score, motionScore } from '../src/measures/change.ts';
import { ContentMeter, hsvOf, thinningOf } from '../src/measures/content.ts';
import { differenceHash, hamming, meanHamming } from '../src/measures/hash.ts';
import { type Luma, reduced } from '../src/measures/luma.ts';
import { appearanceOf } from '../src/measures/sharpness.ts';
import { meanLength, type Reduced, searchSize, VectorMeter } from '../src/measures/vectors.ts';

/** Luma of [height, width] by a function, with two values of padding per row. */
function lumaOf(height: number, width: number, value: (y: number, x: number) => number, perStep = 1): Luma {
  const stride = width + 2;
  const data =
    perStep === 1 ? new Uint8Array(height * stride).fill(77) : new Uint16Array(height * stride).fill(77);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data[y * stride + x] = perStep * value(y, x);
  return { data, height, width, stride, perStep };
}

describe.each([1, 4])('change, %i values per step of 8 bits', (perStep) => {
  test('brighter by 10: blurring changes nothing', () => {
    const meter = new ChangeMeter();
    expect(meter.push(lumaOf(12, 20, (y, x) => y + x, perStep))).toEqual({ motion: 0, difference: 0 });
    const { motion, difference } = meter.push(lumaOf(12, 20, (y, x) => y + x + 10, perStep));
    expect(motion).toBeCloseTo(10, 6); // the taps sum to 1 within 1e-9
    expect(difference).toBeCloseTo((10 * 100) / 256, 12);
  });

  test('one pixel: the blur spreads it and keeps its sum; opposite neighbours cancel in part', () => {
    const meter = new ChangeMeter();
    meter.push(lumaOf(9, 11, () => 50, perStep));
    expect(meter.push(lumaOf(9, 11, (y, x) => (y === 4 && x === 5 ? 150 : 50), perStep)).motion).toBeCloseTo(
      100 / 99,
      6,
    );
    // +100 at x, -100 at x + 1: along the row the blurred difference is the difference of the taps.
    const taps = [0.054488685, 0.244201342, 0.402619947, 0.244201342, 0.054488685];
    const along = [0, 1, 2, 3, 4, 5].reduce(
      (sum, k) => sum + Math.abs((taps[k] ?? 0) - (taps[k - 1] ?? 0)),
      0,
    );
    const two = new ChangeMeter();
    two.push(lumaOf(9, 11, () => 100, perStep));
    const pair = two.push(
      lumaOf(9, 11, (y, x) => (y === 4 && x === 5 ? 200 : y === 4 && x === 6 ? 0 : 100), perStep),
    );
    expect(pair.motion).toBeCloseTo((100 * along) / 99, 6);
  });
});

test('cut scores: a jump is a cut, steady motion is not', () => {
  expect(cutScores([0, 3, 20, 21, 1])).toEqual([0, 3, 17, 1, 1]);
  expect(motionScore([9, 2, 4])).toBeCloseTo(2, 12);
  expect(motion2Score([9, 2, 4, 1])).toBeCloseTo((2 + 1 + 1) / 4, 12);
});

test('hue, saturation and value in OpenCV’s units', () => {
  const of = (...rgb: number[]) => [...hsvOf(Uint8Array.from(rgb))];
  expect(of(255, 0, 0)).toEqual([0, 255, 255]);
  expect(of(0, 255, 0)).toEqual([60, 255, 255]);
  expect(of(0, 0, 255)).toEqual([120, 255, 255]);
  expect(of(255, 255, 0)).toEqual([30, 255, 255]);
  expect(of(255, 0, 255)).toEqual([150, 255, 255]);
  expect(of(90, 90, 90)).toEqual([0, 0, 90]);
  expect(of(0, 0, 0)).toEqual([0, 0, 0]);
  expect(of(200, 100, 50)).toEqual([10, 191, 200]); // 30 x 50 / 150; 255 x 150 / 200
  const meter = new ContentMeter();
  expect(meter.push(Uint8Array.from([255, 0, 0]))).toBe(0);
  expect(meter.push(Uint8Array.from([0, 0, 128]))).toBeCloseTo((120 + 0 + 127) / 3, 12);
  expect([64, 256, 511, 512, 1280].map(thinningOf)).toEqual([1, 1, 1, 2, 5]);
});

test('reducing: means over areas, also where they end within values', () => {
  const values = [10, 20, 30, 40, 50];
  const row = lumaOf(1, 5, (_, x) => values[x]!);
  // Parts of 5/3: 10 + 2/3 of 20, and so on.
  const expected = [
    (10 + (2 / 3) * 20) / (5 / 3),
    ((1 / 3) * 20 + 30 + (1 / 3) * 40) / (5 / 3),
    ((2 / 3) * 40 + 50) / (5 / 3),
  ];
  expect([...reduced(row, 1, 3)]).toEqual(expected.map(Math.round));
  expect([
    ...reduced(
      lumaOf(4, 4, (y, x) => 10 * y + x, 4),
      2,
      2,
    ),
  ]).toEqual([6, 8, 26, 28]); // 5.5, 7.5, ... rounded up
  expect([
    ...reduced(
      lumaOf(5, 2, (y) => values[y]!),
      3,
      2,
    ),
  ]).toEqual(expected.map(Math.round).flatMap((v) => [v, v]));
});

/** The plain full search: every place, the shortest of equals. */
function plainVectors(before: Reduced, now: Reduced): { dx: number[]; dy: number[] } {
  const [dx, dy]: [number[], number[]] = [[], []];
  for (let y0 = 0; y0 + 16 <= now.height; y0 += 16)
    for (let x0 = 0; x0 + 16 <= now.width; x0 += 16) {
      let best: number[] = [Number.POSITIVE_INFINITY];
      for (let dy0 = -16; dy0 <= 16; dy0++)
        for (let dx0 = -16; dx0 <= 16; dx0++) {
          const [y, x] = [y0 + dy0, x0 + dx0];
          if (y < 0 || x < 0 || y + 16 > now.height || x + 16 > now.width) continue;
          let sum = 0;
          for (let r = 0; r < 16; r++)
            for (let c = 0; c < 16; c++)
              sum += Math.abs(
                now.data[(y0 + r) * now.width + x0 + c]! - before.data[(y + r) * now.width + x + c]!,
              );
          const mine = [sum, dx0 ** 2 + dy0 ** 2, dy0, dx0];
          const first = mine.findIndex((value, i) => value !== best[i]);
          if (first >= 0 && (best[first] === undefined || mine[first]! < best[first]!)) best = mine;
        }
      dx.push(-best[3]! + 0);
      dy.push(-best[2]! + 0);
    }
  return { dx, dy };
}

test('vectors: the full search, whatever is passed over', () => {
  const frame = fc.record({
    seed: fc.integer({ min: 1, max: 1e6 }),
    levels: fc.constantFrom(2, 6, 255),
    shift: fc.tuple(fc.nat(12), fc.nat(12)),
  });
  fc.assert(
    fc.property(frame, ({ seed, levels, shift }) => {
      const [height, width] = [41, 53];
      const noise = (y: number, x: number) =>
        Math.imul(seed + 31 * Math.floor(y / 3) + 977 * Math.floor(x / 3), 2654435761) >>> 8;
      const draw = (dy: number, dx: number): Reduced => ({
        height,
        width,
        data: Uint8Array.from({ length: height * width }, (_, i) => {
          const [y, x] = [Math.floor(i / width) + dy, (i % width) + dx];
          return Math.floor(((noise(y, x) % levels) / levels) * 255);
        }),
      });
      const [before, now] = [draw(0, 0), draw(shift[0], shift[1])];
      const meter = new VectorMeter();
      meter.push(before);
      const { dx, dy } = meter.push(now);
      expect({ dx: [...dx], dy: [...dy] }).toEqual(plainVectors(before, now));
    }),
    { numRuns: 12, seed: 7 },
  );
});

test('vectors of a picture that moves: their length, at 360 rows', () => {
  const draw = (dy: number, dx: number): Reduced => ({
    height: 48,
    width: 80,
    data: Uint8Array.from({ length: 48 * 80 }, (_, i) => {
      const [y, x] = [Math.floor(i / 80) - dy, (i % 80) - dx];
      return 128 + 60 * Math.sin(x * 0.7 + y * y * 0.01) + 60 * Math.cos(y * 0.9 - x * x * 0.004);
    }),
  });
  const meter = new VectorMeter();
  expect(meanLength(meter.push(draw(0, 0)), 48)).toBe(0);
  const vectors = meter.push(draw(-3, 4)); // right and up
  const inside = [...vectors.dx.keys()].filter((i) => i % 5 > 0 && i % 5 < 4 && i >= 5 && i < 10);
  expect(inside.map((i) => [vectors.dx[i], vectors.dy[i]])).toEqual(inside.map(() => [4, -3]));
  const whole = { rows: 1, columns: 2, dx: Int8Array.of(4, 0), dy: Int8Array.of(-3, 0) };
  expect(meanLength(whole, 360)).toBe(2.5);
  expect(meanLength(whole, 180)).toBe(5);
  expect([searchSize(720, 1280), searchSize(240, 426)]).toEqual([
    [360, 640],
    [240, 426],
  ]);
});

test('borders: flat lines with an edge inside', () => {
  const content = (y: number, x: number, k: number) =>
    90 + 40 * Math.sin(0.9 * x + k) + 40 * Math.cos(0.7 * y);
  const frames = (top: number, left: number, inner = content) =>
    [0, 1, 2].map((k) =>
      linesOf(lumaOf(40, 60, (y, x) => (y < top || x < left ? 16 + ((x + y) % 3) : inner(y, x, k)))),
    );
  expect(bordersOf(frames(5, 0))).toEqual({ top: 5, bottom: 0, left: 0, right: 0 });
  expect(bordersOf(frames(0, 7))).toEqual({ top: 0, bottom: 0, left: 7, right: 0 });
  expect(bordersOf(frames(0, 0))).toEqual({ top: 0, bottom: 0, left: 0, right: 0 });
  // A plain background around a small object has no line, and a frame of one colour has none either.
  const object = (y: number, x: number, k: number) =>
    Math.abs(y - 20) < 6 && Math.abs(x - 20 - 5 * k) < 6 ? 200 : 17;
  expect(bordersOf(frames(0, 0, object))).toEqual({ top: 0, bottom: 0, left: 0, right: 0 });
  expect(bordersOf(frames(0, 0, () => 60))).toEqual({ top: 0, bottom: 0, left: 0, right: 0 });
  // At the bottom and the right, too.
  const far = linesOf(lumaOf(40, 60, (y, x) => (y >= 37 || x >= 50 ? 16 : content(y, x, 0))));
  expect(bordersOf([far])).toEqual({ top: 0, bottom: 3, left: 0, right: 10 });
});

test('difference hash: a bit where it gets darker to the right', () => {
  const darker = Array.from({ length: 72 }, (_, i) => 200 - 10 * (i % 9));
  const brighter = darker.map((value) => 255 - value);
  expect(differenceHash(darker)).toEqual([0xffffffff, 0xffffffff]);
  expect(differenceHash(brighter)).toEqual([0, 0]);
  const one = [...darker];
  one[40] = 255; // row 4, column 4: the place before it gets brighter
  expect(hamming(differenceHash(darker), differenceHash(one))).toBe(1);
  expect(
    meanHamming(
      [
        [0, 0],
        [3, 0],
      ],
      [
        [0, 7],
        [0, 0],
      ],
    ),
  ).toBe(2.5);
  expect(
    meanHamming(
      [
        [0, 0],
        [3, 0],
      ],
      [
        [0, 7],
        [0, 0],
      ],
      1,
    ),
  ).toBe(Number.POSITIVE_INFINITY);
});

test('brightness and sharpness', () => {
  expect(appearanceOf(lumaOf(10, 10, (y, x) => 2 * x + y))).toEqual({ brightness: 13.5, sharpness: 0 }); // a plane is not sharp
  // A checkerboard of 100 and 110: the Laplacian is +40 or -40.
  const board = (perStep: number) =>
    appearanceOf(lumaOf(10, 10, (y, x) => 100 + 10 * ((x + y) % 2), perStep));
  expect(board(1)).toEqual({ brightness: 105, sharpness: 1600 });
  expect(board(4)).toEqual({ brightness: 105, sharpness: 1600 });
});

describe('the camera', () => {
  const grid = (of: (u: number, v: number) => readonly [number, number]) => {
    const [rows, columns] = [8, 12];
    const all = Array.from({ length: rows * columns }, (_, i) =>
      of((2 * (i % columns) + 1) / columns - 1, (2 * Math.floor(i / columns) + 1) / rows - 1).map(Math.round),
    );
    return { rows, columns, dx: Int8Array.from(all, ([x]) => x!), dy: Int8Array.from(all, ([, y]) => y!) };
  };
  const said = (of: (u: number, v: number) => readonly [number, number]) =>
    cameraMotion(
      Array.from({ length: 20 }, () => frameMove(grid(of), 1)),
      24,
    );
  test.each<[string | undefined, (u: number, v: number) => readonly [number, number]]>([
    ['pan left', () => [4, 0]],
    ['pan right', () => [-4, 0]],
    ['tilt up', () => [0, 3]],
    ['tilt down', () => [0, -3]],
    ['zoom in', (u, v) => [8 * u, 8 * v]],
    ['zoom out', (u, v) => [-8 * u, -8 * v]],
    ['static', () => [0, 0]],
    [undefined, () => [4, 3]],
    [undefined, (u, v) => [9 * Math.sin(50 * u + 3 * v), 9 * Math.cos(40 * v - u)]],
  ])('%s', (words, of) => expect(said(of)).toBe(words));
});

describe('clips', () => {
  /** A film of 10 frames a second with cuts at some seconds. */
  const film = (seconds: number, cuts: readonly number[]): FilmMeasures => {
    const count = 10 * seconds;
    const all = <T>(of: (k: number) => T) => Array.from({ length: count }, (_, k) => of(k));
    return {
      height: 40,
      width: 60,
      times: all((k) => k / 10),
      end: seconds,
      motion: all((k) => (k === 0 ? 0 : 3)),
      differences: all((k) => (cuts.includes(k / 10) ? 30 : k === 0 ? 0 : 1)),
      content: all((k) => (cuts.includes(k / 10) ? 60 : 2)),
      vectors: all(() => 1),
      moves: all(() => undefined),
      hashes: all((k) => [k, 0] as const),
      samples: all((k) => ({
        frame: k,
        brightness: k,
        sharpness: 1,
        lines: linesOf(lumaOf(4, 6, () => 9)),
      })).filter(({ frame }) => frame % 5 === 0),
    };
  };
  const spans = (measured: FilmMeasures, options: Partial<ClipOptions> = {}) =>
    clipsOf(measured, { ...CLIP_OPTIONS, ...options }).map(({ start, end }) => [
      start,
      Number(end.toFixed(6)),
    ]);

  test('scenes end at cuts; those that are too short give none, whole ones are taken as they are', () => {
    const measured = film(30, [3, 12, 25]);
    expect(scenesOf(measured, 10)).toEqual([
      [0, 30],
      [30, 120],
      [120, 250],
      [250, 300],
    ]);
    expect(spans(measured)).toEqual([
      [3, 12],
      [12, 25],
      [25, 30],
    ]);
    expect(spans(measured, { skip: 4 })[0]).toEqual([4, 12]);
    expect(spans(measured, { least: 6 })).toEqual([
      [3, 12],
      [12, 25],
    ]);
    expect(spans(measured, { cut: 29.5 }).length).toBe(1); // min(30, 30 - 1) is no cut
  });

  test('of a long scene 12 to 16 s by chance, the same with the same seed', () => {
    const measured = film(60, []);
    const starts = Array.from({ length: 8 }, (_, seed) => {
      const [[start, end]] = spans(measured, { seed }) as [[number, number]];
      expect(end - start).toBeGreaterThan(11.8);
      expect(end - start).toBeLessThan(16.2);
      expect(end).toBeLessThanOrEqual(60);
      expect(spans(measured, { seed })).toEqual([[start, end]]);
      return start;
    });
    expect(new Set(starts).size).toBeGreaterThan(4);
  });

  test('measures of a clip are those of a film of its own', () => {
    const measured = film(30, [3, 12, 25]);
    const [, middle] = clipsOf(measured, CLIP_OPTIONS);
    expect(middle!.measures).toMatchObject({
      duration: 13,
      frames: 130,
      fps: 10,
      jitter: 0,
      cuts: 0,
      still: 0,
      vectors: 1,
    });
    expect(middle!.measures.motion).toBeCloseTo((3 * 129) / 130, 6); // the first frame has no frame before it
    expect(middle!.hashes.map(([k]) => k)).toEqual([128, 144, 160, 176, 193, 209, 225, 241]);
    expect(measuresOf(measured, 10)).toMatchObject({
      duration: 30,
      jitter: 0.1,
      cuts: 0.1,
      brightness: 147.5,
    });
  });
});
