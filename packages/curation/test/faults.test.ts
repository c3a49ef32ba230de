// A folder of 60 clips with known faults: every filter decides right, what is broken is said, and nothing is read twice.

import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIP_OPTIONS, type ManifestLine, THRESHOLDS } from '@moviegen/curation';
import { Outputs } from 'moviegen/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curate } from '../src/node/curate.ts';
import type { CurateOptions } from '../src/node/options.ts';
import { FPS, FRAMES, pan, type Scene, writeScene } from './scenes.ts';

const root = mkdtempSync(join(tmpdir(), 'moviegen-curate-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What each file is, by the beginning of its name. */
const SCENES: Readonly<Record<string, (i: number) => Scene>> = {
  good: (i) => ({ view: pan(i, 1 + 0.05 * i) }),
  short: (i) => ({ frames: 2 * FPS, view: pan(100 + i) }),
  portrait: (i) => ({ width: 32, height: 48, view: pan(110 + i) }),
  borders: (i) => ({ bars: i % 2 === 0 ? [6, 0] : [0, 8], view: pan(120 + i, 2) }),
  slides: (i) => ({
    frames: 12 * FPS,
    view: (k) => ({ seed: 130 + 3 * i + Math.floor(k / (5 * FPS)), x: 0, y: 0 }),
  }),
  cuts: (i) => ({
    frames: 6 * FPS,
    view: (k) => ({ seed: 160 + 4 * i + Math.floor(k / (2 * FPS)), x: 0.5 * k, y: 0 }),
  }),
  static: (i) => ({ view: () => ({ seed: 190 + i, x: 0, y: 0 }) }),
  slow: (i) => ({ view: pan(200 + i, 0.05, 0) }),
  shake: (i) => ({
    view: (k) => ({ seed: 210 + i, x: k % 2 === 0 ? 0 : 7, y: (k % 4 < 2 ? 0 : 5) + 0.2 * k }),
  }),
};
const COUNTS = {
  good: 18,
  short: 4,
  portrait: 5,
  borders: 6,
  slides: 4,
  cuts: 4,
  static: 4,
  slow: 3,
  shake: 4,
};
/** The filter that is to refuse each kind. */
const REFUSED: Readonly<Record<string, string>> = {
  short: 'duration',
  portrait: 'aspect',
  borders: 'borders',
  slides: 'slideshow',
  cuts: 'scene',
  static: 'static',
  slow: 'motion',
  shake: 'jitter',
  twin: 'copies',
  broken: 'unreadable',
};

const folder = join(root, 'clips');
const options = (): CurateOptions => ({
  folder,
  output: join(root, 'manifest.jsonl'),
  clips: CLIP_OPTIONS,
  limits: { ...THRESHOLDS, landscapeOnly: true },
  shares: { landscape: 1 },
  outputs: new Outputs(),
  signal: new AbortController().signal,
});
const linesIn = (path: string): ManifestLine[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const kindOf = (line: ManifestLine): string => /^clips\/([a-z]+)/.exec(line.file)![1]!;

beforeAll(async () => {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(folder);
  for (const [kind, count] of Object.entries(COUNTS))
    for (let i = 0; i < count; i++) await writeScene(folder, `${kind}-${i}.mp4`, SCENES[kind]!(i));
  // Copies in other formats and sizes; of a set the largest stays.
  for (let i = 0; i < 4; i++) {
    const size = i % 2 === 0 ? {} : { width: 36, height: 24 };
    await writeScene(folder, `twin-${i}.${i < 2 ? 'webm' : 'mp4'}`, { ...SCENES.good!(i), ...size });
  }
  const whole = readFileSync(join(folder, 'good-0.mp4'));
  writeFileSync(join(folder, 'broken-0.mp4'), whole.subarray(0, whole.length / 2));
  writeFileSync(join(folder, 'broken-1.mp4'), '');
  writeFileSync(join(folder, 'broken-2.mkv'), '<!doctype html><html>404</html>');
  writeFileSync(join(folder, 'broken-3.webm'), new Uint8Array(5000).fill(7));
});

test('every filter decides right, and the rest goes on where a file is broken', async () => {
  const { files, lines, funnel, known, frames } = await curate(options());
  expect([files, lines.length]).toEqual([60, 64]); // a slideshow has two clips
  const verdicts = lines.map((line) => `${line.file}: ${line.refused ?? 'kept'}`);
  expect(verdicts).toEqual(lines.map((line) => `${line.file}: ${REFUSED[kindOf(line)] ?? 'kept'}`));
  expect(lines.filter(({ kept }) => kept).length).toBe(COUNTS.good);
  for (const line of lines) {
    if (!line.kept) expect(line.reason, line.file).toMatch(/\w/);
    if (kindOf(line) === 'broken') expect([line.video, line.measures]).toEqual([undefined, undefined]);
    if (kindOf(line) === 'twin')
      expect(line.reason).toBe(`a copy of ${line.file.replace(/twin-(\d).*/, 'good-$1.mp4')} from 0.00 s on`);
  }
  const good = lines.find(({ file }) => file === 'clips/good-0.mp4')!;
  expect([good.start, good.end, good.video]).toEqual([
    0,
    5,
    { duration: 5, width: 48, height: 32, fps: FPS, frames: FRAMES },
  ]);
  const bordered = lines.find(({ file }) => file === 'clips/borders-0.mp4')!;
  expect(bordered.measures!.borders).toEqual({ top: 6, bottom: 6, left: 0, right: 0 });
  expect(linesIn(join(root, 'manifest.jsonl'))).toEqual(lines);
  expect(funnel.at(-1)!.left).toBe(COUNTS.good);
  expect([known, frames > 60 * FPS]).toEqual([0, true]);
  expect(readFileSync(join(root, 'manifest.svg'), 'utf8')).toMatch(/^<svg .*aria-label/);
});

describe('a second run', () => {
  test('reads nothing again, and decides anew', async () => {
    const again = await curate({ ...options(), limits: { ...THRESHOLDS, landscapeOnly: true, motion: 0.1 } });
    expect([again.known, again.frames]).toEqual([60, 0]);
    expect(again.lines.filter((line) => kindOf(line) === 'slow').every(({ kept }) => kept)).toBe(true);
  });

  test('reads what changed, what the index refused before, and what a torn line would have said', async () => {
    const later = new Date(statSync(join(folder, 'good-1.mp4')).mtimeMs + 5000);
    utimesSync(join(folder, 'good-1.mp4'), later, later);
    const changed = await curate(options());
    expect([changed.known, changed.frames]).toEqual([59, FRAMES]);
    const portrait = await curate({ ...options(), limits: THRESHOLDS, shares: {} });
    expect([portrait.known, portrait.frames]).toEqual([60 - COUNTS.portrait, COUNTS.portrait * FRAMES]);
    expect(portrait.lines.filter((line) => kindOf(line) === 'portrait').every(({ kept }) => kept)).toBe(true);
    const journal = join(root, 'manifest.journal.jsonl');
    const text = readFileSync(journal, 'utf8');
    writeFileSync(journal, text.slice(0, -20)); // as a crash leaves it
    const torn = await curate({ ...options(), limits: THRESHOLDS, shares: {} });
    expect(torn.known).toBe(59);
    appendFileSync(journal, '{"half');
    expect((await curate({ ...options(), limits: THRESHOLDS, shares: {} })).known).toBe(60);
  });

  test('goes on where a run was stopped', async () => {
    const stop = new AbortController();
    const own = {
      ...options(),
      output: join(root, 'stopped', 'manifest.jsonl'),
      signal: stop.signal,
      jobs: 1,
    };
    let told = 0;
    const onProgress = () => {
      if (++told === 8 * FRAMES) stop.abort(new Error('stopped by hand'));
    };
    await expect(curate({ ...own, onProgress })).rejects.toThrow('stopped by hand');
    const rest = await curate({ ...own, signal: new AbortController().signal });
    expect(rest.known).toBeGreaterThan(3);
    expect(rest.known).toBeLessThan(30);
    expect(rest.files).toBe(60);
  });
});
