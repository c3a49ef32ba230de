// `moviegen gallery`, as a user starts it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '@moviegen/testing/checkpoints';
import { encodePng, encodeVideo } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { expect, test } from 'vitest';
import { filesIn, moviegen, temporaryFolder } from './cli.ts';

const root = temporaryFolder();

function folder(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = join(root, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

test('makes a video per line of a file and puts the videos side by side, the same every time', async () => {
  const cwd = folder('made', { 'prompts.txt': 'one star\n\na red circle moves right\nthree\n' });
  const args = ['gallery', '--prompts', 'prompts.txt', '--model', TINY, '--steps', '2', '--columns', '2'];
  const more = ['--scale', '2', '--gap', '4', '--captions', '--seed', '5', '-o', 'a/grid.gif'];
  const { status, stdout, stderr } = await moviegen([...args, ...more], { cwd });
  expect(stderr).toMatch(/^load: .*\ntext 1\/3: [\s\S]*\nsample 3\/3: 2 steps[\s\S]*\nwrite: .*\n$/);
  // width: twice 2 x 32 pixels and three gaps; height: twice 2 x 16 pixels, captions of four lines and of one, three gaps
  expect(stdout).toContain('a/grid.gif  140x126, 3 videos, 9 frames at 12 a second\nadapter: ');
  expect(stdout).toMatch(/\nload [\d.]+ s, text .*, total [\d.]+ s\n$/);
  expect(status).toBe(0);
  expect(filesIn(cwd)).toEqual(['a', 'a/grid.gif', 'prompts.txt']);
  expect(await readVideo(join(cwd, 'a/grid.gif'))).toMatchObject({ shape: [9, 126, 140, 3], fps: 12 });
  const bytes = readFileSync(join(cwd, 'a/grid.gif'));
  expect((await moviegen([...args, ...more, '--quiet'], { cwd })).stderr).toBe('');
  expect(readFileSync(join(cwd, 'a/grid.gif')).equals(bytes)).toBe(true);
});

test('takes existing videos of any kind and size, without a model', async () => {
  const clip = { data: new Uint8Array(2 * 16 * 16 * 3).fill(90), shape: [2, 16, 16, 3] as const, fps: 10 };
  const image = { data: new Uint8Array(32 * 16 * 3).fill(30), shape: [1, 32, 16, 3] as const };
  const files = { 'a-star.gif': await encodeVideo(clip, { format: 'gif' }), 'b.png': encodePng(image) };
  const cwd = folder('read', files);
  const args = [
    'gallery',
    'a-star.gif',
    'b.png',
    '--captions',
    '--frames-dir',
    'f',
    '-o',
    'g.webm',
    '--json',
  ];
  const { status, stdout, stderr } = await moviegen([...args, '--fps', '5'], { cwd });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { seconds, ...said } = JSON.parse(stdout);
  expect(said).toEqual({
    path: 'g.webm',
    framesDir: 'f',
    width: 50,
    height: 74,
    numFrames: 2,
    fps: 10,
    videos: [
      { path: 'a-star.gif', width: 16, height: 16, numFrames: 2, fps: 10 },
      { path: 'b.png', width: 16, height: 32, numFrames: 1, fps: 5 },
    ],
  });
  expect(Object.keys(seconds)).toEqual(['read', 'write', 'total']);
  expect(filesIn(cwd)).toEqual([
    'a-star.gif',
    'b.png',
    'f',
    'f/frame-0000.png',
    'f/frame-0001.png',
    'g.webm',
  ]);
  const { data } = await readVideo(join(cwd, 'f'));
  expect([data[(14 * 50 + 6) * 3], data[(6 * 50 + 28) * 3], data[0]]).toEqual([90, 30, 255]);
});

test('ends at SIGINT with status 130, and existing files stay', async () => {
  const cwd = folder('stopped', { 'prompts.txt': 'a\nb', 'old.gif': 'before' });
  const args = ['gallery', '-p', 'prompts.txt', '--schedule', 'linear', '--steps', '100000', '-o', 'old.gif'];
  const ended = await moviegen([...args, '--model', TINY], {
    cwd,
    stop: { after: 'sample 1/2: step', signal: 'SIGINT' },
  });
  expect(ended).toMatchObject({ status: 130, stdout: '' });
  expect(ended.stderr.trimEnd().split('\n').at(-1)).toBe('stopped by SIGINT');
  expect(filesIn(cwd)).toEqual(['old.gif', 'prompts.txt']);
  expect(readFileSync(join(cwd, 'old.gif'), 'utf8')).toBe('before');
});

test.each<[string, string[], string | RegExp]>([
  ['nothing', [], 'error: gallery: give videos, or a file of prompts with --prompts'],
  ['both', ['a.mp4', '-p', 'x'], 'error: gallery: give videos or --prompts, not both'],
  ['no prompts', ['-p', 'none.txt'], /^error: gallery: cannot read --prompts none\.txt: ENOENT/],
  [
    'sampling of files',
    ['a.mp4', '--steps', '3', '--model', '/none'],
    'error: gallery: a gallery of existing videos takes no --steps, --model',
  ],
  ['no video', ['none.mp4'], 'error: video: there is no file or folder none.mp4'],
  ['columns', ['none.mp4', '--columns', '0'], 'error: grid: columns must be an integer of at least 1, got 0'],
  ['output', ['none.mp4', '-o', 'a.webp'], /"a\.webp" must end in one of \.mp4, \.webm, \.gif$/],
])('wrong input in one line, status 2: %s', async (name, args, message) => {
  const cwd = folder(`wrong ${name}`, {});
  const { status, stdout, stderr } = await moviegen(['gallery', ...args, '--quiet'], { cwd });
  const line = stderr.trimEnd();
  if (typeof message === 'string') expect(line).toBe(message);
  else expect(line).toMatch(message);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(filesIn(cwd)).toEqual([]);
});
