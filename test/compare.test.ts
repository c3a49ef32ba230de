// `moviegen compare --report`, built: videos that are there, videos of checkpoints, and wrong input. The page is tested in Chromium.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { draw, parsePrompt } from '@moviegen/evaluation';
import { TINY } from '@moviegen/testing/checkpoints';
import { encodeVideo } from 'moviegen';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesIn, folders, moviegen } from './cli.ts';

const folder = folders();
const PROMPTS = [
  'a red circle moves right on a black background',
  'a blue star grows on a white background',
  'a green square moves up on a gray background',
  'a yellow cross stays still on a navy background',
];
const prompts = join(folder(), 'prompts.txt');
writeFileSync(prompts, `${PROMPTS.join('\n')}\n`);
const [a, b] = [folder(), folder()];

beforeAll(async () => {
  for (const [i, prompt] of PROMPTS.entries()) {
    const right = draw(parsePrompt(prompt));
    // B is wrong about the last two, and has the true colours a little darker elsewhere.
    const other =
      i < 2
        ? { ...right, data: right.data.map((value) => Math.max(0, value - 4)) }
        : draw(parsePrompt(PROMPTS[0]!));
    const name = `${prompt.toLowerCase().replaceAll(' ', '-')}-${i}.mp4`;
    writeFileSync(join(a, name), await encodeVideo(right, { format: 'mp4' }));
    writeFileSync(join(b, name), await encodeVideo(other, { format: 'mp4' }));
  }
});

test('measures of two folders: the judge of shapes world, PSNR and SSIM against the truth', async () => {
  const votes = join(folder(), 'votes.jsonl');
  const svg = join(folder(), 'report.svg');
  const args = ['compare', a, b, '--prompts', prompts, '--votes', votes, '--report', '--svg', svg];
  const { status, stdout, stderr } = await moviegen([...args, '--truth', a, '--json']);
  expect(status).toBe(0);
  expect(stderr.split('\n')).toEqual([
    'compare: CLIP similarity and frame consistency are left out: they need --clip',
    'compare: the Frechet distance is left out: it needs --autoencoder',
    '',
  ]);
  const { automatic, pairs } = JSON.parse(stdout);
  expect(pairs).toBe(4);
  const [right, psnr, ssim] = automatic;
  expect(right).toMatchObject({ a: 1, b: 0.5, net: { wins: 2, ties: 2, losses: 0, net: 50 } });
  expect(psnr).toMatchObject({ a: 100, net: { wins: 4, net: 100 } });
  expect(ssim.a).toBeCloseTo(1, 5);
  expect(ssim.b).toBeLessThan(0.95);
  const text = await moviegen(args);
  expect(text.stdout).toMatch(
    /There are no votes\.[\s\S]*\| right, by the judge of shapes world \| higher \| 1 \| 0\.5 \| \+50\.00 \|/,
  );
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg /);
});

test('checkpoints make their videos, once, and features give a Frechet distance', async () => {
  const keep = folder();
  const two = join(folder(), 'two.txt');
  writeFileSync(two, PROMPTS.slice(0, 2).join('\n'));
  const args = [
    'compare',
    TINY,
    TINY,
    '--dtype-b',
    'q8',
    '--prompts',
    two,
    '--steps',
    '2',
    '--keep',
    keep,
    '--votes',
    join(keep, 'v.jsonl'),
    '--report',
    '--json',
  ];
  const first = await moviegen(args);
  expect([first.status, first.stderr]).toEqual([0, expect.stringContaining('they need --truth')]);
  const videos = filesIn(keep).filter((name) => name.endsWith('.mp4'));
  expect(videos.length).toBe(4);
  expect(videos[0]).toBe('a/a-blue-star-grows-on-a-white-background-1.mp4');
  const times = () => videos.map((name) => statSync(join(keep, name)).mtimeMs);
  const before = times();
  const { status, stdout } = await moviegen([...args, '--truth', join(keep, 'a'), '--autoencoder', TINY]);
  expect([status, times()]).toEqual([0, before]);
  const { automatic, ...sides } = JSON.parse(stdout);
  expect([sides.a, sides.b]).toEqual([`${TINY} in f32`, `${TINY} in q8`]);
  const other = await moviegen([...args, '--dtype-a', 'q8']);
  expect([other.status, other.stderr]).toEqual([
    2,
    expect.stringMatching(
      /^error: compare: the videos in .* were made in another way, by .*: name another folder with --keep\n$/,
    ),
  ]);
  const frechet = automatic.find(({ title }: { title: string }) => title.startsWith('Frechet'));
  expect(frechet.a).toBeLessThan(1e-4);
  expect(frechet.b).toBeGreaterThan(frechet.a);
  expect(frechet.note).toMatch(/not to follow human judgement/);
});

describe('wrong input: one line, status 2', () => {
  const csv = join(folder(), 'broken.csv');
  writeFileSync(csv, 'prompt,concept\na,b,c\n');
  const votes = join(folder(), 'v.jsonl');
  const given = (one: string, other: string, file = prompts, ...more: string[]) => [
    'compare',
    one,
    other,
    '--prompts',
    file,
    '--votes',
    votes,
    ...more,
  ];
  test.each<[string, string[], string | RegExp]>([
    ['no prompts', ['compare', a, b], /required option '-p, --prompts <file>' not specified$/],
    ['no folder', given('/none', b, prompts, '--report'), 'error: compare: there is no folder /none'],
    [
      'other names',
      given(a, folder(), prompts, '--report'),
      /^error: compare: no prompt has a video in both .*: files are named after prompts, as a-red-circle-moves-right-on-a-black-background-0\.mp4, or /,
    ],
    [
      'axes',
      given(a, b, prompts, '--axes', 'beauty'),
      /^error: compare: axes: "beauty" is not one of subject, motion, /,
    ],
    ['broken CSV', given(a, b, csv), 'error: compare: prompts: row 2 has 3 columns, the header has 2'],
    [
      'truth',
      given(a, b, prompts, '--report', '--truth', folder()),
      /^error: compare: no prompt has a video in both /,
    ],
    [
      'model',
      given(a, b, prompts, '--model', TINY),
      'error: compare: --model is not taken: the two sides are the checkpoints',
    ],
  ])('%s', async (_, args, message) => {
    const { status, stderr, stdout } = await moviegen(args);
    expect([status, stdout]).toEqual([2, '']);
    if (typeof message === 'string') expect(stderr).toBe(`${message}\n`);
    else expect(stderr.trimEnd()).toMatch(message);
  });
});
