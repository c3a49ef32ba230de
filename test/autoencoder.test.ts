// Stories about one model alone, on the command line: someone encodes a picture with a public image autoencoder and
// decodes it again; someone gives it something else; someone stops a long decoding half-way.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { TINY } from '@moviegen/testing/checkpoints';
import { decodePng, encodePng, type Frames } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { expect, test } from 'vitest';
import { filesIn, moviegen, temporaryFolder } from './cli.ts';

const fixtures = fileURLToPath(new URL('../packages/moviegen/fixtures', import.meta.url));
const vae = join(fixtures, 'autoencoder-kl-16');
const root = temporaryFolder();
let folders = 0;

/** A new folder for a test. */
function folder(): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  return path;
}

const image: Frames = {
  data: Uint8Array.from({ length: 24 * 32 * 3 }, (_, i) => (i * 31) % 256),
  shape: [1, 24, 32, 3],
};

test('a public image autoencoder makes latents of a picture, and a picture of latents, also tile by tile', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'a.png'), encodePng(image));
  const encoded = await moviegen(['encode', 'a.png', '--model', vae, '--json'], { cwd });
  expect(encoded.status).toBe(0);
  expect(JSON.parse(encoded.stdout)).toMatchObject({
    shape: [16, 1, 3, 4],
    numFrames: 1,
    width: 32,
    height: 24,
  });
  const file = await Safetensors.open(readFileSync(join(cwd, 'latents.safetensors')));
  expect(file.shape('latents')).toEqual([16, 1, 3, 4]);

  const back = ['decode', 'latents.safetensors', '--model', vae, '-o'];
  const decoded = await moviegen([...back, 'b.png', '--json'], { cwd });
  const { memory, ...said } = JSON.parse(decoded.stdout);
  expect(said).toMatchObject({ path: 'b.png', numFrames: 1, width: 32, height: 24 });
  expect(memory.peakUsed).toBeGreaterThan(0);
  expect(decodePng(readFileSync(join(cwd, 'b.png'))).shape).toEqual([1, 24, 32, 3]);
  const tiled = await moviegen([...back, 'c.png', '--tile-size', '16', '--tile-overlap', '8'], { cwd });
  expect(tiled.status).toBe(0);
  expect(readFileSync(join(cwd, 'c.png')).equals(readFileSync(join(cwd, 'b.png')))).toBe(false);
  expect(filesIn(cwd)).toEqual(['a.png', 'b.png', 'c.png', 'latents.safetensors']);
});

test('frames are encoded one by one, or eight per latent frame if the autoencoder is inflated', async () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'frames'));
  for (const k of [1, 2, 10]) writeFileSync(join(cwd, 'frames', `${k}.png`), encodePng(image));
  const shapes: number[][] = [];
  for (const more of [[], ['--inflate']]) {
    const args = [
      'encode',
      'frames',
      '--model',
      vae,
      '-o',
      `z${shapes.length}.safetensors`,
      '--json',
      ...more,
    ];
    shapes.push(JSON.parse((await moviegen(args, { cwd })).stdout).shape);
  }
  expect(shapes).toEqual([
    [16, 3, 3, 4],
    [16, 1, 3, 4],
  ]);
  const args = ['decode', 'z1.safetensors', '--inflate', '--model', vae, '-o', 'v.mp4', '--frames-dir', 'f'];
  expect((await moviegen(args, { cwd })).stdout).toContain('v.mp4  32x24, 3 frames at 16 a second');
  expect((await readVideo(join(cwd, 'v.mp4'))).shape).toEqual([3, 24, 32, 3]);
  expect(filesIn(join(cwd, 'f'))).toEqual(['frame-0000.png', 'frame-0001.png', 'frame-0002.png']);
});

const latents = (shape: readonly number[]) => {
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  return serialize({ latents: { dtype: 'F32', shape, data } });
};

test('a long decoding stops within a tile and leaves existing files alone', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'z.safetensors'), latents([4, 32, 24, 24]));
  writeFileSync(join(cwd, 'old.mp4'), 'before');
  const args = ['decode', 'z.safetensors', '--model', TINY, '-o', 'old.mp4', '--frames-dir', 'new/frames'];
  const stop = { after: 'load: ', signal: 'SIGINT' } as const;
  const { status, stdout, stderr } = await moviegen(args, { cwd, stop });
  expect(stderr.trimEnd().split('\n').at(-1)).toBe('stopped by SIGINT');
  expect([status, stdout]).toEqual([130, '']);
  expect(filesIn(cwd)).toEqual(['old.mp4', 'z.safetensors']);
  expect(readFileSync(join(cwd, 'old.mp4'), 'utf8')).toBe('before');
});

test.each<[string, string[], string | RegExp]>([
  [
    'a text encoder',
    ['--model', join(fixtures, 't5-relu')],
    /t5-relu: tae: config is wrong: model_type: got "t5", expected TemporalAutoencoder or AutoencoderKL; is this/,
  ],
  [
    'channels of another autoencoder',
    ['--model', vae],
    'error: decode: latents must have 16 channels, got [4, 2, 1, 1]',
  ],
  [
    'several frames for one image',
    ['--model', TINY, '-o', 'a.png'],
    'error: output: a.png is one image, but there are 16 frames; name a video file',
  ],
  [
    'tiles',
    ['--model', TINY, '--tile-size', '12'],
    'error: tile-size: must be a multiple of 8 of at least 8, got 12',
  ],
])('%s: one line, status 2, nothing is written', async (_, more, message) => {
  const cwd = folder();
  writeFileSync(join(cwd, 'z.safetensors'), latents([4, 2, 1, 1]));
  const args = ['decode', 'z.safetensors', '--quiet', ...more];
  const { status, stdout, stderr } = await moviegen(args, { cwd });
  const line = stderr.trimEnd();
  if (typeof message === 'string') expect(line).toBe(message);
  else expect(line).toMatch(message);
  expect(line).not.toContain('\n');
  expect([status, stdout]).toEqual([2, '']);
  expect(filesIn(cwd)).toEqual(['z.safetensors']);
});
