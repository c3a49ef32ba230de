// `moviegen curate`, built: threads, an interrupted run that goes on, its JSON, and wrong input.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pan, writeScene } from '../packages/curation/test/scenes.ts';
import { filesIn, folders, moviegen } from './cli.ts';

const folder = folders();
const clips = folder();
const COUNT = 8;

beforeAll(async () => {
  for (let i = 0; i < COUNT; i++) await writeScene(clips, `clip-${i}.mp4`, { view: pan(400 + i, 2) });
  writeFileSync(join(clips, 'text.mp4'), 'not a video');
});

const curate = (output: string, ...args: string[]) => [
  'curate',
  clips,
  '-o',
  output,
  '--min-motion',
  '0.5',
  ...args,
];

test('in threads: a table, the manifest and its funnel; the clips exported; the second run knows all', async () => {
  const out = folder();
  const manifest = join(out, 'm.jsonl');
  const args = curate(
    manifest,
    '--jobs',
    '2',
    '--export',
    join(out, 'clips'),
    '--size',
    '32x32',
    '--fps',
    '2',
  );
  const { status, stdout, stderr } = await moviegen(args);
  expect([status, stdout]).toEqual([0, expect.stringMatching(/\| unreadable \| 1 \| 8 \| 88\.9% \|/)]);
  expect(stdout).toMatch(/9 files, 0 of them known from before, \d+ frames measured at [\d.]+ per second/);
  expect(stderr).toContain('concepts: left out, since they need an image model (--image-model)\n');
  expect(filesIn(out).filter((name) => !name.startsWith('clips/'))).toEqual([
    'clips',
    'm.journal.jsonl',
    'm.jsonl',
    'm.svg',
  ]);
  expect(filesIn(join(out, 'clips')).length).toBe(COUNT + 1);
  const again = await moviegen([...args, '--json']);
  expect(JSON.parse(again.stdout)).toMatchObject({ files: 9, known: 9, kept: COUNT, frames: 0 });
});

test('Ctrl-C loses nothing: the next run goes on, and gives what a whole run gives', async () => {
  const [out, whole] = [folder(), folder()];
  const [stopped, other] = [join(out, 'm.jsonl'), join(whole, 'm.jsonl')];
  // As a run leaves it that was stopped after three files, in the middle of a line.
  await moviegen(curate(other));
  const journal = readFileSync(join(whole, 'm.journal.jsonl'), 'utf8').split('\n');
  writeFileSync(
    join(out, 'm.journal.jsonl'),
    `${journal.slice(0, 3).join('\n')}\n${journal[3]!.slice(0, 40)}`,
  );
  const interrupted = await moviegen(curate(stopped), { stop: { after: 'measure', signal: 'SIGINT' } });
  expect([0, 130]).toContain(interrupted.status);
  const { status, stdout } = await moviegen(curate(stopped, '--json'));
  expect([status, JSON.parse(stdout).files]).toEqual([0, 9]);
  expect(JSON.parse(stdout).known).toBeGreaterThanOrEqual(3);
  const relative = (path: string) => readFileSync(path, 'utf8');
  expect(relative(stopped)).toBe(relative(other));
});

describe('wrong input: one line, status 2', () => {
  const out = join(folder(), 'm.jsonl');
  test.each<[string, string[], string | RegExp]>([
    ['no folder', ['curate', '/none', '-o', out], 'error: curate: there is no folder /none'],
    [
      'no videos',
      ['curate', join(import.meta.dirname, 'support'), '-o', out],
      /holds no videos \(mp4, mov, webm, mkv\)$/,
    ],
    ['stage', curate(out, '--stage', '4'), 'error: curate: --stage must be 1, 2 or 3, got 4'],
    [
      'range',
      curate(out, '--clip', '16-4'),
      /^error: curate: expected two numbers with a dash between, the smaller one first, like 4-16, got 16-4$/,
    ],
    ['share', curate(out, '--people', '60'), 'error: curate: --people must be a share from 0 to 1, got 60'],
    [
      'size without export',
      curate(out, '--size', '32x32'),
      'error: curate: --size and --fps are of exported clips: give --export FOLDER',
    ],
    [
      'odd size',
      curate(out, '--export', 'x', '--size', '33x32'),
      'error: curate: --size must be WIDTHxHEIGHT of even numbers, like 768x432, got 33x32',
    ],
    [
      'keep without a model',
      curate(out, '--keep', '5'),
      'error: curate: --keep and --clusters balance concepts: give --image-model DIR',
    ],
    [
      'caption',
      curate(out, '--caption', 'program'),
      /^error: curate: --caption "program" must be a program and its arguments, one of which is \{frames\}/,
    ],
    ['output', curate('/proc/none/m.jsonl'), /^error: output: cannot write \/proc\/none\/m\.jsonl: /],
    ['jobs', curate(out, '--jobs', '0'), 'error: curate: jobs must be an integer of at least 1, got 0'],
  ])('%s', async (_, args, message) => {
    const { status, stderr, stdout } = await moviegen(args);
    expect([status, stdout]).toEqual([2, '']);
    if (typeof message === 'string') expect(stderr).toBe(`${message}\n`);
    else expect(stderr.trimEnd()).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});
