// The command line on the tiny checkpoint: what it writes, what it says, and how it ends.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TINY } from '@moviegen/testing/checkpoints';
import { decodeVideo } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { describe, expect, test } from 'vitest';
import { filesIn, folders, moviegen, PROMPT } from './cli.ts';

const fixtures = fileURLToPath(new URL('../packages/moviegen/fixtures', import.meta.url));
const folder = folders();

describe('generate', () => {
  test('writes an mp4 of the prompt and the seed, and says where, on what and how long', async () => {
    const cwd = folder();
    const { status, stdout, stderr } = await moviegen(['generate', PROMPT, '--seed', '3', '--model', TINY], {
      cwd,
    });
    const done = stderr.split('\n').filter((line) => !/\/s, \d+ s left$/.test(line)); // a slow machine prints more lines
    expect(done.join('\n')).toMatch(
      /^load: .*\ntext: .*\ncompile: .*\nsample: 4 .*\ndecode: 9 .*\nwrite: .*\n$/,
    );
    const path = 'out/a-small-red-circle-moves-right-on-a-black-background-3.mp4';
    expect(stdout).toContain(`${path}  32x16, 9 frames at 12 a second, seed 3\n`);
    expect(stdout).toMatch(/\nadapter: .+\nload [\d.]+ s, text .*, total [\d.]+ s\n$/);
    expect(status).toBe(0);
    expect(filesIn(cwd)).toEqual(['out', path]);
    const video = await decodeVideo(new Uint8Array(readFileSync(join(cwd, path))));
    expect(video).toMatchObject({ shape: [9, 16, 32, 3], fps: 12 });
  });

  test('a prompt of letters of three bytes each: its file name is cut', async () => {
    const cwd = folder();
    const prompt = '红色的圆形在黑色背景上向右移动'.repeat(6);
    const { status, stderr } = await moviegen(
      ['generate', prompt, '--model', TINY, '--quiet', '--steps', '1'],
      { cwd },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [, path] = filesIn(cwd);
    expect(path).toMatch(/^out\/红.*-0\.mp4$/u);
    expect(Buffer.byteLength(path!)).toBeLessThan(100);
    const long = await moviegen(['generate', prompt, '--model', '/none', '-o', `${'长'.repeat(90)}.gif`], {
      cwd,
    });
    expect(long.stderr).toMatch(/^error: output: the name 长+\.gif has more than 255 bytes\n$/u);
  });

  test('continues if nobody reads its progress', async () => {
    const cwd = folder();
    const args = ['generate', PROMPT, '--model', TINY, '-o', 'a.mp4'];
    const { status } = await moviegen(args, { cwd, close: 'stderr' });
    expect(status).toBe(0);
    expect(filesIn(cwd)).toEqual(['a.mp4']);
  });

  test('without a prompt, uses the checkpoint’s example; writes frames and a webm, as its JSON says', async () => {
    const cwd = folder();
    const args = [
      '--output',
      'a/b.webm',
      '--frames-dir',
      'frames',
      '--json',
      '--num-frames',
      '10',
      '--steps',
      '2',
    ];
    mkdirSync(join(cwd, 'frames'));
    for (const name of ['frame-0099.png', 'mine.png']) writeFileSync(join(cwd, 'frames', name), 'before');
    const { status, stdout, stderr } = await moviegen(['generate', '--model', TINY, ...args], { cwd });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const { videos, adapter, seconds } = JSON.parse(stdout);
    const size = { width: 32, height: 16, numFrames: 10, fps: 12 };
    expect(videos).toEqual([{ prompt: PROMPT, seed: 0, path: 'a/b.webm', framesDir: 'frames', ...size }]);
    expect(adapter.name).not.toBe('');
    expect(Object.keys(seconds)).toEqual(['load', 'text', 'compile', 'sample', 'decode', 'write', 'total']);
    const frames = Array.from({ length: 10 }, (_, k) => `frames/frame-000${k}.png`);
    expect(filesIn(cwd)).toEqual(['a', 'a/b.webm', 'frames', ...frames, 'frames/mine.png']);
    expect((await readVideo(join(cwd, 'a/b.webm'))).shape).toEqual([10, 16, 32, 3]);
  });

  test('makes a video per line of a file, with the same bytes each time', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'prompts.txt'), 'one star\r\n\n  \nTwo “stars”, é!\n');
    const common = ['generate', '--prompts', 'prompts.txt', '--model', TINY, '--seed', '7', '--quiet'];
    const first = await moviegen([...common, '-o', 'x', '--format', 'gif', '--frames-dir', 'f'], { cwd });
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const made = filesIn(cwd).filter((path) => path.endsWith('.gif'));
    expect(made).toEqual(['x/one-star-7.gif', 'x/two-stars-e-8.gif']);
    expect(existsSync(join(cwd, 'f/two-stars-e-8/frame-0008.png'))).toBe(true);
    const bytes = made.map((path) => readFileSync(join(cwd, path)));
    await moviegen([...common, '-o', 'x', '--format', 'gif', '--batch', '1'], { cwd });
    for (const [i, path] of made.entries())
      expect(readFileSync(join(cwd, path)).equals(bytes[i]!)).toBe(true);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s within a step, with status %d and no partial file', async (signal, expected) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'old.mp4'), 'before');
    const args = [
      '--schedule',
      'linear',
      '--steps',
      '100000',
      '--output',
      'old.mp4',
      '--frames-dir',
      'new/frames',
    ];
    const { status, stdout, stderr } = await moviegen(['generate', PROMPT, '--model', TINY, ...args], {
      cwd,
      stop: { after: 'sample: step', signal },
    });
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`stopped by ${signal}`);
    expect(stdout).toBe('');
    expect(status).toBe(expected);
    expect(filesIn(cwd)).toEqual(['old.mp4']);
    expect(readFileSync(join(cwd, 'old.mp4'), 'utf8')).toBe('before');
  });
});

test('encode and decode: frames to latents and back to a file', async () => {
  const cwd = folder();
  await moviegen(['generate', PROMPT, '--model', TINY, '-o', 'a.gif', '--frames-dir', 'frames'], { cwd });
  const encoded = await moviegen(
    ['encode', 'frames', '-o', 'z.safetensors', '--fps', '12', '--model', TINY],
    { cwd },
  );
  expect(encoded.stdout).toContain('z.safetensors  latents [4, 2, 2, 4] of 9 frames, 32x16\n');
  const decoded = await moviegen(['decode', 'z.safetensors', '-o', 'b.mp4', '--model', TINY, '--json'], {
    cwd,
  });
  expect(JSON.parse(decoded.stdout)).toMatchObject({
    path: 'b.mp4',
    numFrames: 9,
    width: 32,
    height: 16,
    fps: 12,
  });
  expect(await readVideo(join(cwd, 'b.mp4'))).toMatchObject({ shape: [9, 16, 32, 3], fps: 12 });
  const again = await moviegen(['encode', 'b.mp4', '-o', 'y.safetensors', '--model', TINY], { cwd });
  expect(again.status).toBe(0);
  expect(filesIn(cwd).filter((path) => path.endsWith('.safetensors'))).toEqual([
    'y.safetensors',
    'z.safetensors',
  ]);
});

test('inspect lists the tensors of a file, of an index and of a folder', async () => {
  const [file, index, whole] = await Promise.all([
    moviegen(['inspect', join(TINY, 'tae/model.safetensors')]),
    moviegen(['inspect', join(TINY, 'transformer/model.safetensors.index.json'), '--json']),
    moviegen(['inspect', join(TINY, 'transformer'), '--json']),
  ]);
  expect(file.stdout).toMatch(/encoder\.conv_in\.weight +F16 +\[4, 3, 3, 3\]/);
  expect(JSON.parse(index.stdout)).toEqual(JSON.parse(whole.stdout));
  expect(JSON.parse(whole.stdout).tensors.length).toBeGreaterThan(40);
});

test('doctor describes the adapter and checks kernels on it', async () => {
  const { status, stdout } = await moviegen(['doctor', '--filter', 'softmax', '--json']);
  const { adapter, limits, features, ops, failures, checks } = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(ops).toEqual({ softmax: 'ok' });
  expect(failures).toEqual([]);
  expect(checks).toBeGreaterThan(1);
  expect(adapter.name).not.toBe('');
  expect(limits.maxBufferSize).toBeGreaterThan(0);
  expect(Array.isArray(features)).toBe(true);
  const said = await moviegen(['doctor', '--filter', 'softmax', '--quiet']);
  expect(said.stdout).toMatch(/^name .*\n[\s\S]*limits\n[\s\S]*softmax +[\d.]+ %\nall \d+ checks passed\n$/);
});

test('parity agrees with the reference, and names the first tensor that does not', async () => {
  const flow = join(fixtures, 'flow');
  const agreeing = await moviegen(['parity', '--fixtures', flow, '--json']);
  expect(agreeing.status).toBe(0);
  expect(JSON.parse(agreeing.stdout).reports.length).toBeGreaterThan(0);
  const copy = join(folder(), 'mine');
  cpSync(join(fixtures, 'philox'), copy, { recursive: true });
  const strict = await moviegen(['parity', '--fixtures', flow, '--bound', '0']);
  expect(strict.status).toBe(1);
  expect(strict.stdout).toMatch(/ is the first to differ, by \S+ of its largest value, most at \[/);
  expect((await moviegen(['parity', '--fixtures', copy])).status).toBe(0);
});

test('a quantised checkpoint makes videos; types are checked before the model is loaded', async () => {
  const cwd = folder();
  const quantize = await moviegen(['quantize', TINY, '--dtype', 'q8', '-o', 'small', '--quiet'], { cwd });
  expect(quantize.stderr).toBe('');
  expect(quantize.stdout).toMatch(
    /^small {2}21 weights in q8, \d+ tensors of these models as they were; 0\.\d MB/,
  );
  const args = [
    'generate',
    PROMPT,
    '--model',
    'small',
    '--steps',
    '1',
    '--num-frames',
    '1',
    '-o',
    'a.gif',
    '-q',
  ];
  expect(await moviegen(args, { cwd })).toMatchObject({ status: 0, stderr: '' });
  expect(filesIn(cwd)).toContain('a.gif');
  const again = await moviegen(['quantize', 'small', '--dtype', 'q4', '-o', 'smaller', '-q'], { cwd });
  expect(again.status).toBe(2);
  expect(again.stderr).toMatch(/^error: quantize: small\/transformer is quantised already .*\n$/);
  const wrong = await moviegen([...args, '--dtype', 'dit=q3'], { cwd });
  expect(wrong.stderr).toMatch(
    /^error: option '--dtype <type>' argument 'dit=q3' is invalid. dtype: unknown type/,
  );
  const tae = await moviegen([...args, '--dtype', 'dit=q8,tae=q8'], { cwd });
  expect(tae).toMatchObject({ status: 2, stdout: '' });
  expect(tae.stderr).toMatch(/^error: dtype: tae=q8: .*: choose f32 or f16\n$/);
});

const COMMANDS = [
  'generate',
  'extend',
  'edit',
  'upscale',
  'gallery',
  'encode',
  'encode-text',
  'decode',
  'inspect',
  'doctor',
  'kernels',
  'parity',
  'judge',
  'compare',
  'curate',
  'quantize',
];

test('help names every command', async () => {
  const { status, stdout } = await moviegen([]);
  expect(status).toBe(0);
  for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
});

test.each(COMMANDS)('help of %s', async (command) => {
  const { status, stdout, stderr } = await moviegen([command, '--help']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: moviegen ${command} `);
});
