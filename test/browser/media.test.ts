// Pictures and videos in Chromium, by its own decoders: pixels that are not square, and files that were cut off.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodePng } from 'moviegen';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openModule } from './remote.ts';

const media = fileURLToPath(new URL('../../packages/moviegen/test/media', import.meta.url));
const noise = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * i * 7919) >>> 3);
const raw = () => sharp(noise, { raw: { width: 64, height: 48, channels: 3 } });
const pictures: Readonly<Record<string, Buffer>> = {
  'a.png': await raw().png().toBuffer(),
  'a.jpg': await raw().jpeg().toBuffer(),
  'a.webp': await raw().webp().toBuffer(),
  'a.gif': await raw().gif().toBuffer(),
  'a.avif': await raw().avif().toBuffer(),
};
const { module } = await openModule<typeof import('./pages/media.ts')>(await launchChromium(), 'media', {
  '/media/': media,
  '/pictures/': pictures,
});

test.each([
  ['wide.mp4', 'wide.png', [6, 48, 85, 3]],
  ['tall.webm', 'tall.png', [6, 64, 64, 3]],
  ['turned.mov', 'turned.png', [6, 85, 48, 3]],
])('%s is seen as ffmpeg shows it', async (file, picture, shape) => {
  const { data, ...rest } = await module.seen(`/media/display/${file}`);
  expect(rest).toEqual({ shape });
  const truth = decodePng(readFileSync(`${media}/display/${picture}`));
  const off = truth.data.reduce((sum, value, i) => sum + Math.abs(value - data![i]!), 0);
  expect(off / truth.data.length).toBeLessThan(3); // FFmpeg interpolates chroma
});

test.each([
  ...Object.keys(pictures).map((name) => `/pictures/${name}`),
  '/media/steady.mp4',
  '/media/audio-first.mkv',
])('%s, cut off', async (path) => {
  const name = path.split('/').at(-1)!;
  const whole = pictures[name] ?? readFileSync(`${media}/${name}`);
  expect((await module.seen(path)).error).toBeUndefined();
  for (let k = 1; k <= 20; k++) {
    const length = Math.floor((whole.length * k) / 21);
    const { error = 'none' } = await module.seen(path, length);
    expect(error, `${length} of ${whole.length}`).toMatch(/^InputError: x: [^\n]{20,}get it again[^\n]*$/);
    expect(error).not.toMatch(/undefined|Assertion|internal|DataView|\(\)/);
  }
});
