// Choosing: concepts, copies, shares, filters and lines, on candidates made by hand.

import {
  type Candidate,
  clipEmbedding,
  factorFor,
  funnelOf,
  funnelTable,
  type Judged,
  keptShare,
  kMeans,
  type Measures,
  manifestLine,
  mergeClusters,
  refusalOf,
  refuseByConcepts,
  refuseCopies,
  refuseForShares,
  THRESHOLDS,
  tellsOfPeople,
} from '@moviegen/curation';
import { describe, expect, test } from 'vitest';

const MEASURES: Measures = {
  duration: 8,
  frames: 192,
  fps: 24,
  motion: 5,
  motion2: 4,
  vectors: 2,
  jitter: 0,
  cuts: 0,
  still: 0,
  borders: { top: 0, bottom: 0, left: 0, right: 0 },
  border: 0,
  brightness: 100,
  sharpness: 50,
};
interface Given {
  readonly file?: string;
  readonly width?: number;
  readonly height?: number;
  readonly caption?: string;
  readonly measures?: Partial<Measures>;
  readonly hash?: number;
}
function judged({
  file = 'a.mp4',
  width = 1280,
  height = 720,
  caption,
  measures,
  hash = 0,
}: Given = {}): Judged {
  const own = { ...MEASURES, ...measures };
  const candidate: Candidate = {
    file,
    info: { duration: 8, width, height, fps: 23.976, frames: 192 },
    film: own,
    clip: { start: 1, end: 9, measures: own, hashes: Array.from({ length: 8 }, () => [hash, 0] as const) },
    ...(caption !== undefined && { caption }),
  };
  return { candidate, refusal: undefined };
}

describe('concepts', () => {
  /** Unit vectors about directions, each a little off. */
  const about = (direction: number, count: number) =>
    Array.from({ length: count }, (_, k) => {
      const angle = direction + 0.1 * (k / count - 0.5);
      return [Math.cos(angle), Math.sin(angle), 0.1];
    });

  test('k-means finds what lies apart, and the same with the same seed', () => {
    const points = [...about(0, 7), ...about(2, 5), ...about(4, 3)];
    for (const seed of [0, 1, 2]) {
      const { of } = kMeans(points, 3, seed);
      const groups = [of.slice(0, 7), of.slice(7, 12), of.slice(12)].map((own) => [...new Set(own)]);
      expect(groups.map(({ length }) => length)).toEqual([1, 1, 1]);
      expect(new Set(groups.flat()).size).toBe(3);
      expect(kMeans(points, 3, seed).of).toEqual(of);
    }
    expect(
      kMeans(
        [
          [1, 0],
          [1, 0],
        ],
        5,
        0,
      ).centroids.length,
    ).toBe(1);
  });

  test('clusters whose centroids are alike are merged', () => {
    const points = [...about(0, 4), ...about(0.25, 4), ...about(2, 4)]; // cos 0.25 = 0.969
    const apart = {
      of: Int32Array.from([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]),
      centroids: [0, 1, 2].map((k) => clipEmbedding(points.slice(4 * k, 4 * k + 4))),
    };
    const merged = mergeClusters(apart, points);
    expect([...merged.of]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    expect(merged.centroids.length).toBe(2);
    expect([...mergeClusters(apart, points, 0.99).of]).toEqual([...apart.of]);
  });

  test('the factor keeps the wanted total: each cluster about a sqrt(n)', () => {
    const sizes = [400, 100, 9, 1];
    const a = factorFor(sizes, 50);
    expect(sizes.reduce((sum, n) => sum + n * keptShare(n, a), 0)).toBeCloseTo(50, 6);
    // Nothing is cut off but the cluster of one where a > 1: 20 a + 10 a + 3 a + 1 = 50.
    expect(a).toBeCloseTo(49 / 33, 6);
    expect(factorFor(sizes, 510)).toBe(Number.POSITIVE_INFINITY);
  });

  test('common concepts are thinned', () => {
    const all = Array.from({ length: 500 }, () => judged());
    const directions = [...about(0, 400), ...about(2, 96), ...about(4, 4)];
    const embeddings = new Map(all.map((one, i) => [one, directions[i]!] as const));
    expect(
      refuseByConcepts(all, embeddings, { total: 60, clusters: 3, seed: 3 }).sort((a, b) => a - b),
    ).toEqual([4, 96, 400]);
    const kept = (from: number, to: number) =>
      all.slice(from, to).filter(({ refusal }) => refusal === undefined).length;
    // a = 60 / (20 + 9.8 + 2) = 1.887: 37.7, 18.5 and 3.8 are expected.
    expect(Math.abs(kept(0, 400) - 37.7)).toBeLessThan(15);
    expect(Math.abs(kept(400, 496) - 18.5)).toBeLessThan(10);
    expect(kept(496, 500)).toBeGreaterThan(2);
    expect(all.find(({ refusal }) => refusal)!.refusal).toEqual({
      filter: 'concepts',
      reason: expect.stringMatching(/^thinned: 0\.\d+ of \d+ clips/),
    });
  });
});

test('of copies the largest stays', () => {
  const all = [
    judged({ file: 'small', width: 640, height: 360 }),
    judged({ file: 'large', width: 1920, height: 1080, hash: 0b1111 }),
    judged({ file: 'other', hash: 0b11111 }), // 5 bits from small, 1 from large
    judged({ file: 'far', hash: 0xffff }),
  ];
  refuseCopies(all);
  expect(all.map(({ refusal }) => refusal?.reason)).toEqual([
    'a copy of large from 1.00 s on',
    undefined,
    'a copy of large from 1.00 s on',
    undefined,
  ]);
});

describe('shares', () => {
  const counts = (all: readonly Judged[]) => {
    const kept = all.filter(({ refusal }) => refusal === undefined).map(({ candidate }) => candidate);
    const wide = kept.filter(({ info }) => info!.width >= info!.height).length;
    return {
      kept: kept.length,
      wide,
      people: kept.filter(({ caption = '' }) => tellsOfPeople(caption)).length,
    };
  };
  const made = (wide: number, high: number, people = 0) =>
    Array.from({ length: wide + high }, (_, k) =>
      judged({
        ...(k < wide ? {} : { width: 720, height: 1280 }),
        caption: k % 10 < people ? 'a woman runs' : 'a river',
      }),
    );

  test('portrait clips are thinned to 80 : 20, landscape ones never', () => {
    const all = made(40, 60);
    expect(refuseForShares(all, { landscape: 0.8 }, 0)).toEqual([]);
    expect(counts(all)).toMatchObject({ kept: 50, wide: 40 });
    const few = made(95, 5);
    refuseForShares(few, { landscape: 0.8 }, 0);
    expect(counts(few).kept).toBe(100);
  });

  test('with people: both shares hold', () => {
    const all = made(60, 60, 3);
    refuseForShares(all, { landscape: 0.8, people: 0.6 }, 1);
    const { kept, wide, people } = counts(all);
    expect(wide / kept).toBeGreaterThanOrEqual(0.8);
    expect(people / kept).toBeGreaterThanOrEqual(0.6);
    expect(kept).toBeGreaterThan(20);
  });

  test('what cannot hold is said', () => {
    expect(refuseForShares([judged({ width: 9, height: 16 })], { landscape: 0.6 }, 0)).toEqual([
      'shares: no clip is landscape: the share of 0.6 was left out',
    ]);
    expect(refuseForShares([judged()], { people: 0.6 }, 0)).toEqual([
      'shares: no clip has a caption, so the share of people was left out',
    ]);
  });

  test.each([
    ['Two men talk', true],
    ['A mango on a table', false],
    ['she smiles', true],
    ['the shelf', false],
    ['Children at play', true],
  ])('%s: %s', (text, is) => expect(tellsOfPeople(text)).toBe(is));
});

describe('filters', () => {
  const refused = (given: Given, limits = {}) =>
    refusalOf(judged(given).candidate, { ...THRESHOLDS, ...limits })?.filter;
  test.each<[string | undefined, Given, object?]>([
    [undefined, {}],
    ['size', { height: 700 }, { size: 720 }],
    ['aspect', { width: 700 }, { landscapeOnly: true }],
    ['borders', { measures: { border: 0.02 } }],
    ['slideshow', { measures: { still: 0.8, cuts: 0.1 } }],
    ['static', { measures: { motion: 0.049 } }],
    ['motion', { measures: { motion: 2 } }],
    [undefined, { measures: { motion: 2.01 } }],
    ['vectors', { measures: { vectors: 7 } }, { vectors: [0.5, 7] }],
    ['jitter', { measures: { jitter: 0.85 } }],
    ['brightness', { measures: { brightness: 10 } }, { brightness: [20, 230] }],
    ['sharpness', { measures: { sharpness: 5 } }, { sharpness: 6 }],
  ])('%s', (filter, given, limits) => expect(refused(given, limits)).toBe(filter));
});

test('lines and funnel', () => {
  const one = judged({ caption: 'a dog' });
  one.candidate = { ...one.candidate, clip: { ...one.candidate.clip!, camera: 'pan left' } };
  expect(manifestLine(one)).toMatchObject({
    file: 'a.mp4',
    start: 1,
    end: 9,
    kept: true,
    caption: 'FPS-24. pan left. a dog',
    camera: 'pan left',
  });
  const broken: Judged = {
    candidate: { file: 'b.mp4', error: 'cut short' },
    refusal: { filter: 'unreadable', reason: 'cut short' },
  };
  expect(manifestLine(broken)).toEqual({
    file: 'b.mp4',
    kept: false,
    refused: 'unreadable',
    reason: 'cut short',
  });
  const steps = funnelOf([one, broken]);
  expect([steps[0]!.left, steps[1], steps.at(-1)!.left]).toEqual([
    2,
    { filter: 'unreadable', refused: 1, left: 1 },
    1,
  ]);
  expect(funnelTable(steps)).toContain('| unreadable | 1 | 1 | 50.0% |');
});
