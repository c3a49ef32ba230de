// Where the command line writes to: no file takes the place of another one unless it was named, and `-` is standard output.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '@moviegen/testing/checkpoints';
import { decodeVideo, encodeVideo } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { describe, expect, test } from 'vitest';
import { filesIn, folders, moviegen, PROMPT } from './cli.ts';

const folder = folders();
const few = ['--model', TINY, '--num-frames', '1', '--steps', '1'];
const generate = (cwd: string, ...args: string[]) => moviegen(['generate', '-q', ...few, ...args], { cwd });

describe('names that are made', () => {
  const long = 'a small red circle moves slowly from the left to the right on a black background, ';
  test.each<[string, string[][]]>([
    ['prompts that differ after 80 bytes', [[`${long}then stops`], [`${long}then grows`]]],
    ['prompts without letters', [['🔴'], ['🔵']]],
    ['other settings', [[PROMPT], [PROMPT, '-g', '5']]],
    ['the same once more', [[PROMPT], [PROMPT], [PROMPT]]],
    [
      'several prompts',
      [
        ['-p', 'p.txt', '--frames-dir', 'f'],
        ['-p', 'p.txt', '--frames-dir', 'f', '-g', '2'],
      ],
    ],
  ])('%s: each has a file of its own', async (_, runs) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'p.txt'), '!\n?\n');
    const told: string[] = [];
    for (const args of runs) {
      const { status, stdout } = await generate(cwd, ...args, '--json');
      expect(status).toBe(0);
      for (const { path, framesDir } of JSON.parse(stdout).videos) {
        told.push(path);
        if (framesDir) expect(readdirSync(join(cwd, framesDir))).toEqual(['frame-0000.png']);
      }
    }
    expect(
      readdirSync(join(cwd, 'out'))
        .map((name) => `out/${name}`)
        .sort(),
    ).toEqual([...told].sort());
    expect(new Set(told).size).toBe(told.length);
  });

  test('defaults of other commands stay, too', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'out'));
    await generate(cwd, PROMPT, '-o', 'a.gif');
    for (const name of ['latents.safetensors', 'out/decoded.mp4', 'out/gallery.gif'])
      writeFileSync(join(cwd, name), 'before');
    for (const args of [
      ['encode', 'a.gif'],
      ['decode', 'latents-2.safetensors'],
      ['gallery', 'a.gif'],
    ]) {
      const model = args[0] === 'gallery' ? [] : ['--model', TINY];
      expect(await moviegen([...args, ...model, '-q'], { cwd })).toMatchObject({ status: 0 });
    }
    const made = ['latents-2.safetensors', 'out/decoded-2.mp4', 'out/gallery-2.gif'];
    expect(filesIn(cwd)).toEqual(expect.arrayContaining(made));
    for (const name of made) {
      expect(readFileSync(join(cwd, name)).length).toBeGreaterThan(100);
      expect(readFileSync(join(cwd, name.replace('-2', '')), 'utf8')).toBe('before');
    }
  });
});

test('a file that is named is replaced', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'a.mp4'), 'before');
  expect(await generate(cwd, PROMPT, '-o', 'a.mp4')).toMatchObject({ status: 0 });
  expect(filesIn(cwd)).toEqual(['a.mp4']);
  expect(readFileSync(join(cwd, 'a.mp4')).length).toBeGreaterThan(100);
});

test('a folder that is there is a folder, whatever its name', async () => {
  const cwd = folder();
  for (const name of ['run-1.5', '.hidden', 'v2.']) {
    mkdirSync(join(cwd, name));
    expect(await generate(cwd, PROMPT, '-o', name)).toMatchObject({ status: 0 });
    expect(readdirSync(join(cwd, name))).toHaveLength(1);
  }
});

describe('standard output', () => {
  test.each(['mp4', 'webm', 'gif', 'png', 'jpg', 'webp'])('takes the %s and nothing else', async (format) => {
    const cwd = folder();
    const args = ['generate', PROMPT, ...few, '-o', '-', ...(format === 'mp4' ? [] : ['--format', format])];
    const { status, bytes, stderr } = await moviegen(args, { cwd });
    expect(status).toBe(0);
    expect((await decodeVideo(new Uint8Array(bytes))).shape).toEqual([1, 16, 32, 3]);
    expect(stderr).toMatch(/32x16, 1 frame at 12 a second, seed 0\nadapter: /);
    expect(filesIn(cwd)).toEqual([]);
  });

  test('latents, what is made of them, and galleries', async () => {
    const cwd = folder();
    await generate(cwd, PROMPT, '-o', 'a.gif');
    const latents = await moviegen(['encode', 'a.gif', '-o', '-', '--model', TINY, '-q'], { cwd });
    writeFileSync(join(cwd, 'z.safetensors'), latents.bytes);
    const decoded = await moviegen(['decode', 'z.safetensors', '-o', '-', '--model', TINY, '-q'], { cwd });
    expect(decoded.bytes.subarray(4, 8).toString()).toBe('ftyp');
    const gallery = await moviegen(['gallery', 'a.gif', '-o', '-', '-q'], { cwd });
    expect(gallery.bytes.subarray(0, 3).toString()).toBe('GIF');
    expect(filesIn(cwd)).toEqual(['a.gif', 'z.safetensors']);
  });

  test.each<[string, string[], string]>([
    [
      'one document',
      [PROMPT, '--json'],
      'output: standard output takes the file or the document of --json: name a file',
    ],
    ['one video', ['-p', 'p.txt'], 'generate: --output "-" is one file, but there are several prompts'],
  ])('takes only %s', async (_, args, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'p.txt'), 'a\nb');
    const { status, bytes, stderr } = await generate(cwd, ...args, '-o', '-');
    expect({ status, size: bytes.length }).toEqual({ status: 2, size: 0 });
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`error: ${message}`);
    expect(existsSync(join(cwd, '-'))).toBe(false);
  });

  test('a reader that leaves is no failure', async () => {
    const { status } = await moviegen(['generate', PROMPT, ...few, '-o', '-'], {
      cwd: folder(),
      close: 'stdout',
    });
    expect(status).toBe(0);
  });
});

describe('an image', () => {
  test.each(['x.png', 'x.jpg', 'x.JPEG', 'x.webp'])('%s', async (name) => {
    const cwd = folder();
    expect(await generate(cwd, PROMPT, '-o', name)).toMatchObject({ status: 0 });
    expect(filesIn(cwd)).toEqual([name]);
    expect((await readVideo(join(cwd, name))).shape).toEqual([1, 16, 32, 3]);
  });

  test('of several frames is refused before any is made', async () => {
    const cwd = folder();
    for (const count of [[], ['--num-frames', '2']]) {
      const args = ['generate', PROMPT, '--model', TINY, '-o', 'x.png', '-q', ...count];
      const { status, stderr } = await moviegen(args, { cwd });
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /error: output: x\.png is one image, but there are \d frames; name a video file\n$/,
      );
    }
    expect(filesIn(cwd)).toEqual([]);
  });
});

test.each(['--version', '-V'])('%s says the version of the package', async (flag) => {
  const { status, stdout } = await moviegen([flag]);
  const file = new URL('../packages/moviegen/package.json', import.meta.url);
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `${JSON.parse(readFileSync(file, 'utf8')).version}\n`,
  });
});

test('codecs write nothing to stderr, whatever is in a file', async () => {
  const cwd = folder();
  const data = Uint8Array.from({ length: 8 * 64 * 64 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  const bytes = await encodeVideo({ data, shape: [8, 64, 64, 3], fps: 8 }, { format: 'mp4' });
  for (let at = 2500; at < bytes.length - 700; at += 211) bytes[at]! ^= 0x5a;
  writeFileSync(join(cwd, 'damaged.mp4'), bytes);
  const { stderr } = await moviegen(['gallery', 'damaged.mp4', '-q'], { cwd });
  expect(stderr).not.toMatch(/h264|MB|bytestream/);
});
