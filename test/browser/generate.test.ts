// A prompt and a seed give the same video in Chromium as in Node. Node's codecs read what Chromium's codecs write, and
// the other way round.

import { fileURLToPath } from 'node:url';
import { draw, type Facts, judge } from '@moviegen/evaluation';
import { openDevice } from '@moviegen/tensor/node';
import { decodeVideo, encodeVideo, type Frames, MovieGen, VIDEO_FORMATS } from 'moviegen';
import { afterAll, describe, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { OPTIONAL_FILES } from './page.ts';
import { openModule } from './remote.ts';

const folder = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const TINY = folder('packages/moviegen/fixtures/pipeline/checkpoint');
const SHIPPED = folder('models/shapes-world');

const { module, server } = await openModule<typeof import('./pages/generate.ts')>(
  await launchChromium(),
  'generate',
  { '/tiny/': TINY, '/shipped/': SHIPPED },
  { expected: [OPTIONAL_FILES] },
);
const device = await openDevice({ adapter: 'swiftshader' });
afterAll(() => device.destroy());

const prompt = 'a small blue circle moves right on a black background';

test.each([
  ['tiny checkpoint, all of its steps', TINY, 'tiny', {}],
  // Few steps: rounding separates the two videos as it does with fifty, in a tenth of the time.
  ['shipped checkpoint, five steps', SHIPPED, 'shipped', { steps: 5 }],
])('%s: the frames of Node, to 50 dB', async (_, path, name, options) => {
  const found = await module.generate(`/${name}`, prompt, { seed: 3, ...options });
  const movieGen = await MovieGen.fromPretrained(path, { device });
  const { frames } = await movieGen.generate(prompt, { seed: 3, ...options });
  movieGen.dispose();
  expect(found.shape).toEqual(frames.shape);
  console.log(`${name}: Chromium and Node ${decibels(found, frames).toFixed(1)} dB apart`);
  expect(decibels(found, frames)).toBeGreaterThan(50);
  expect(server.requests.filter((file) => file.startsWith(`/${name}/`))).not.toEqual([]);
});

test('another seed gives other frames', async () => {
  const [one, other] = [
    await module.generate('/tiny', prompt, { seed: 3 }),
    await module.generate('/tiny', prompt, { seed: 4 }),
  ];
  expect(decibels(one, other)).toBeLessThan(40);
});

const facts: Facts = { colour: 'red', shape: 'circle', motion: 'moves right', background: 'black', size: '' };

describe.each(VIDEO_FORMATS)('%s', (format) => {
  // Half the resolution of colour costs most at the edges of saturated shapes. A gif keeps 256 colours.
  const least = format === 'gif' ? 38 : 31;

  test('written by Chromium, read by Node', async () => {
    const clip = draw(facts, [1.5, -2.25]);
    const read = await decodeVideo(await module.encode(clip, format));
    expect(read).toMatchObject({ shape: clip.shape, fps: clip.fps });
    expect(decibels(read, clip)).toBeGreaterThan(least);
    expect(judge(read, facts)).toMatchObject({ right: true });
  });

  test('written by Node, read by Chromium', async () => {
    const clip = draw(facts, [-1.25, 2.5]);
    const read = await module.decode(await encodeVideo(clip, { format }));
    expect(read).toMatchObject({ shape: clip.shape, fps: clip.fps });
    expect(decibels(read, clip)).toBeGreaterThan(least);
    expect(judge(read, facts)).toMatchObject({ right: true });
  });
});

/** The PSNR of two videos in dB. */
function decibels(a: Frames, b: Frames): number {
  const squares = a.data.reduce((sum, value, i) => sum + (value - b.data[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / b.data.length));
}
