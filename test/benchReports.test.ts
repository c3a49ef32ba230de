// What the bench makes of its reports: a comparison with an earlier run, PyTorch's rows beside ours, the roofline.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareReports, pacesOf, sameAdapter } from '../bench/src/compare.ts';
import type { Result } from '../bench/src/measure.ts';
import { seededRows } from '../bench/src/models.ts';
import type { Report } from '../bench/src/report.ts';
import { rooflineSvg } from '../bench/src/roofline.ts';
import { changeTable, torchTable } from '../bench/src/table.ts';
import { mergeTorch, type TorchReport, torchCases } from '../bench/src/torch.ts';

const row = (name: string, median: number, spread: number, more: Partial<Result> = {}): Result => ({
  op: 'matmul',
  name,
  dtype: 'f32',
  variant: 'a',
  median,
  p10: median - spread,
  p90: median + spread,
  runs: 20,
  rotated: 1e6,
  gflops: 10 / median,
  gbps: 1,
  intensity: 100,
  source: 'gpu',
  check: { against: 'reference', error: 0 },
  ...more,
});
const report = (results: readonly Result[]): Report => ({
  adapter: { vendor: 'v', architecture: 'a', device: '', description: 'd', software: false },
  date: '',
  command: '',
  results,
  models: [],
  wrong: [],
  leftOut: [],
});

test('only what is slower beyond noise counts', () => {
  const before = report([
    row('steady', 10, 0.1),
    row('noisy', 10, 3),
    row('better', 10, 0.1),
    row('gone', 1, 0),
  ]);
  const after = report([
    row('steady', 12, 0.1),
    row('noisy', 12, 3),
    row('better', 8, 0.1),
    row('new', 1, 0),
  ]);
  const changes = compareReports(before, after);
  expect(changes.map(({ row: name, verdict }) => [name, verdict])).toEqual([
    ['matmul steady f32', 'slower'],
    ['matmul noisy f32', 'same'],
    ['matmul better f32', 'faster'],
  ]);
  expect(changes[0]!.ratio).toBeCloseTo(1.2);
  expect(changeTable(changes)).toMatch(/steady.*slower.*1\.20/);
  // Steady to the microsecond and 4% slower, which is too little to report.
  const close = compareReports(report([row('x', 100, 0.01)]), report([row('x', 104, 0.01)]));
  expect(close[0]!.verdict).toBe('same');
});

test('a change of the machine’s pace does not count as a change of the code', () => {
  const at = (median: number, pace: number, spread = 0.1): Report => ({
    ...report([row('x', median, spread)]),
    ceilings: { flops: { f32: 1e12 / pace }, copyBytes: 1e11 / pace },
  });
  const verdict = (before: Report, after: Report) => compareReports(before, after)[0]!.verdict;
  expect(pacesOf(at(10, 1), at(10, 2))).toEqual([2, 2]);
  expect(pacesOf(at(10, 1), report([]))).toEqual([]);
  expect(verdict(at(10, 1), at(19, 2))).toBe('same');
  expect(verdict(at(10, 1), at(25, 2))).toBe('slower');
  expect(verdict(at(10, 1), at(10, 2))).toBe('same'); // faster relative to the machine, but no shorter wait for anybody
  expect(verdict(at(20, 2), at(11, 1))).toBe('same');
  expect(verdict(at(20, 2), at(8, 1))).toBe('faster');
});

test('of several variants, the fastest is compared', () => {
  const before = report([row('x', 10, 0.1)]);
  const after = report([row('x', 30, 0.1, { variant: 'slow' }), row('x', 10, 0.1)]);
  expect(compareReports(before, after).map(({ verdict }) => verdict)).toEqual(['same']);
});

test('runs on different adapters are recognised', () => {
  const other: Report = { ...report([]), adapter: { ...report([]).adapter, description: 'e' } };
  expect([sameAdapter(report([]), report([])), sameAdapter(report([]), other)]).toEqual([true, false]);
});

test("PyTorch's rows stand beside ours of the same shape and width", () => {
  const ours: Report = {
    ...report([row('512', 2, 0.1, { dtype: 'f16' }), row('512', 8, 0.1)]),
    models: [{ name: '30b layer', dtype: 'f16', median: 700, p10: 690, p90: 710, runs: 5, source: 'gpu' }],
  };
  const times = { p10: 0, p90: 0 };
  const torch: TorchReport = {
    device: 'cpu',
    torch: '2',
    rows: [
      { op: 'matmul', name: '512', dtype: 'bf16', median: 1, ...times },
      { op: 'matmul', name: '512', dtype: 'f32', median: 16, ...times },
      { op: 'matmul', name: 'other', dtype: 'f32', median: 16, ...times },
      { op: 'model', name: '30b layer', dtype: 'bf16', median: 350, backend: 'cuDNN', ...times },
    ],
  };
  const pairs = mergeTorch(ours, torch);
  expect(pairs.map(({ row: name, ratio, torchType }) => [name, ratio, torchType])).toEqual([
    ['matmul 512', 0.5, 'bf16'],
    ['matmul 512', 2, 'f32'],
    ['model 30b layer', 0.5, 'bf16'],
  ]);
  expect(torchTable(pairs)).toMatch(/30b layer.*cuDNN.*0\.50/);
  expect(() => mergeTorch(ours, {} as TorchReport)).toThrow(/--torch: the file has no rows/);
});

test('the roofline has every roof, and every kernel at its place', () => {
  const point = { op: 'matmul', name: 'a < b', dtype: 'f32' as const, intensity: 10, gflops: 100 };
  const svg = rooflineSvg({
    title: 'some "GPU" & more',
    ceilings: { flops: { f32: 1e12, f16: 2e12 }, copyBytes: 1e11 },
    points: [point, { ...point, gflops: 1000 }, { ...point, op: 'permute', intensity: 0, gflops: 0 }],
  });
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  expect(svg).toContain('some &quot;GPU&quot; &amp; more');
  expect(svg).toContain('f32: 1 TFLOP/s');
  expect(svg).toContain('f16: 2 TFLOP/s');
  expect(svg).toContain('copy: 100 GB/s');
  expect(svg).toContain('a &lt; b');
  expect(svg).not.toContain('permute');
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const heights = [...svg.matchAll(/cy="([\d.]+)" r="4.5" fill="white"/g)].map(([, y]) => Number(y));
  expect(heights).toHaveLength(2);
  expect(heights[1]).toBeLessThan(heights[0]!); // faster is higher
  // The roof passes where intensity times bandwidth meets the peak: at 10 operations per byte and 1 TFLOP/s.
  const roof = svg
    .match(/<polyline points="([^"]+)"/)![1]!
    .split(' ')
    .map((corner) => corner.split(',').map(Number));
  const circle = svg.match(/cx="([\d.]+)"/)!;
  expect(roof[1]![0]).toBeCloseTo(Number(circle[1]), 0);
  expect(roof[1]![1]).toBeCloseTo(heights[1]!, 0);
});

test('the measuring core runs in browsers: no file that it reaches imports Node', () => {
  const folder = join(import.meta.dirname, '../bench/src');
  const reached = new Set(['index.ts']);
  for (const file of reached) {
    const text = readFileSync(join(folder, file), 'utf8');
    expect(text, file).not.toMatch(/from 'node:|from 'webgpu'|\/node'|\bprocess\./);
    for (const [, name] of text.matchAll(/from '\.\/([^']+)'/g)) reached.add(name!);
  }
  expect([...reached]).toEqual(expect.arrayContaining(['run.ts', 'measure.ts', 'models.ts', 'roofline.ts']));
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([...reached]));
});

test('PyTorch gets every case of floats, and every model that it shall build', () => {
  const { cases: given, models } = torchCases(seededRows);
  expect(given.find(({ op, name }) => op === 'matmul' && name.startsWith('73728x6144'))).toMatchObject({
    inputs: { a: [73728, 6144], b: [6144, 6144] },
    large: true,
  });
  expect(given.some(({ op }) => op === 'embedding')).toBe(false);
  expect(models).toContainEqual(
    expect.objectContaining({ name: '30b layer, 73728 tokens', kind: 'dit', latent: [32, 96, 96], batch: 1 }),
  );
});
