// `moviegen curate`, built: threads, an interrupted run that goes on, its JSON, and wrong input.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
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
  const measured = () => readFileSync(join(out, 'm.journal.jsonl'), 'utf8').split('\n').length;
  const interrupted = await moviegen(curate(stopped), {
    stop: { after: () => measured() > 5, signal: 'SIGINT' },
  });
  expect([0, 130]).toContain(interrupted.status);
  const { status, stdout } = await moviegen(curate(stopped, '--json'));
  expect([status, JSON.parse(stdout).files]).toEqual([0, 9]);
  expect(JSON.parse(stdout).known).toBeGreaterThanOrEqual(3);
  const relative = (path: string) => readFileSync(path, 'utf8');
  expect(relative(stopped)).toBe(relative(other));
});

test('wrong input is one line, with status 2', async () => {
  const out = join(folder(), 'm.jsonl');
  const { status, stderr, stdout } = await moviegen(['curate', '/none', '-o', out]);
  expect([status, stderr, stdout]).toEqual([2, 'error: curate: there is no folder /none\n', '']);
  expect(existsSync(out)).toBe(false);
});
