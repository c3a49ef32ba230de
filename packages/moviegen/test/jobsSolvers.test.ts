// Every job with every solver, and with a LoRA, on small seeded checkpoints. One solver chooses its own steps; with more steps, the others
// must come nearer to what it makes.

import { serialize } from '@moviegen/safetensors';
import { referring } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { type GenerateOptions, MovieGen, MovieGenUpsampler, type Video } from '../src/index.ts';
import { same } from './tinyPipeline.ts';
import { tinyUpsampler } from './tinyUpsampler.ts';

const device = await testDevice();
const before = device.memory().used;
const movieGen = await MovieGen.fromPretrained(referring(), { device });
const upsampler = await MovieGenUpsampler.fromPretrained(tinyUpsampler(), { device });
afterAll(() => {
  movieGen.dispose();
  upsampler.dispose();
  expect(device.memory().used).toBe(before);
});

const fps = movieGen.index.video.fps;
const pattern = (count: number, [H, W] = [16, 32] as readonly [number, number]): Video => {
  const data = Uint8Array.from(
    { length: count * H * W * 3 },
    (_, i) => (37 * (i / H / W) + 11 * (i / W) + i) % 256,
  );
  return { data, shape: [count, H, W, 3], fps };
};
const [video, picture] = [pattern(9), pattern(1)];

type Choice = Pick<GenerateOptions, 'solver' | 'steps' | 'schedule'>;
type Job = (choice: Choice, model?: MovieGen, larger?: MovieGenUpsampler) => Promise<Video>;
const generate =
  (options: GenerateOptions): Job =>
  async (choice, model = movieGen) =>
    (await model.generate('a star', { ...options, ...choice, seed: 3 })).frames;

const JOBS: Readonly<Record<string, Job>> = {
  text: generate({}),
  'text, guided': generate({ guidanceScale: 3, negativePrompt: 'a circle' }),
  video: generate({ video, strength: 0.5 }),
  image: generate({ image: picture }),
  'last image': generate({ lastImage: picture }),
  mask: generate({ video, mask: picture }),
  reference: generate({ referenceImage: picture }),
  'reference and image': generate({ referenceImage: picture, image: picture, referenceGuidanceScale: 2 }),
  edit: async (choice, model = movieGen) =>
    (await model.edit(video, 'a star', { ...choice, task: 'add', videoGuidanceScale: 2, seed: 3 })).frames,
  extend: async (choice, model = movieGen) =>
    (await model.extend(video, 'a star', { ...choice, numFrames: 14, seed: 3 })).frames,
  upscale: async (choice, _, larger = upsampler) =>
    larger.upscale(pattern(2, [8, 16]), { ...choice, seed: 3, guidanceScale: 2, prompt: 'a star' }),
  'text, upscaled': async (choice, model = movieGen, larger = upsampler) =>
    (
      await model.generate('a star', {
        ...choice,
        seed: 3,
        upscale: { upsampler: larger, steps: 1, tile: 'none' },
      })
    ).frames,
};

/** The mean distance of values of 0 to 255. */
const apart = (a: Video, b: Video): number =>
  a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;

test.each(Object.entries(JOBS))(
  '%s: with more steps every solver comes nearer to the adaptive one',
  async (_, job) => {
    const adaptive = await job({ solver: 'dopri5' });
    for (const solver of ['euler', 'midpoint', 'heun'] as const) {
      const away = async (steps: number) => apart(await job({ solver, steps, schedule: 'linear' }), adaptive);
      expect(await away(32), solver).toBeLessThan((await away(8)) / 2);
    }
  },
);

/** A LoRA of the first block's attention. */
function lora() {
  const factor = (shape: readonly [number, number]) =>
    ({ dtype: 'F32', shape, data: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)) }) as const;
  return serialize({
    'layers.0.attention.wq.lora_A.weight': factor([2, 32]),
    'layers.0.attention.wq.lora_B.weight': factor([32, 2]),
  });
}

describe('a LoRA changes what is made', async () => {
  const loras = [{ source: lora() }];
  const changed = await MovieGen.fromPretrained(referring(), { device, loras });
  const larger = await MovieGenUpsampler.fromPretrained(tinyUpsampler(), { device, loras });
  afterAll(() => {
    changed.dispose();
    larger.dispose();
  });

  test.each(Object.entries(JOBS))('%s', async (_, job) => {
    const plain = await job({ steps: 2 });
    expect(apart(await job({ steps: 2 }, changed, larger), plain)).toBeGreaterThan(0.1);
    expect(same(await job({ steps: 2 }), plain), 'without it').toBe(true);
  });
});
