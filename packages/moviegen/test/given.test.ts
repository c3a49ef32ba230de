// What is given besides prompts: fitted to a size and rate, refused where it makes no sense, and a video that is started from.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conditioned } from '@moviegen/testing/checkpoints';
import { describe, expect, test } from 'vitest';
import { checkpointSummary, neededFiles } from '../src/index.ts';
import { fitted } from '../src/video/fit.ts';
import { collectFrames, type Video } from '../src/video/frames.ts';
import { openTiny, PROMPT, same } from './tinyPipeline.ts';

const { movieGen } = await openTiny();
const WAN = fileURLToPath(new URL('../../wan/fixtures/t2v', import.meta.url));

/** Frames of one grey each. */
function greys(values: readonly number[], [H, W]: readonly [number, number], fps: number): Video {
  const data = new Uint8Array(values.length * H * W * 3);
  for (const [t, value] of values.entries()) data.fill(value, t * H * W * 3, (t + 1) * H * W * 3);
  return { data, shape: [values.length, H, W, 3], fps };
}
const firstOf = ({ data, shape: [T, H, W] }: Video) =>
  Array.from({ length: T }, (_, t) => data[t * H * W * 3]);

describe('fitted', () => {
  test('covers, cuts the centre, and says so', async () => {
    const video = greys([10], [4, 8], 16);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++) video.data.fill(200, (y * 8 + x + 2) * 3, (y * 8 + x + 3) * 3);
    const stream = fitted(video, { name: 'in.mp4', width: 4, height: 4 });
    expect(stream.notes).toEqual(['in.mp4: 8x4 resized and cut to 4x4']);
    expect([...(await collectFrames(stream)).data].every((value) => value === 200)).toBe(true);
  });

  test.each([
    [8, 16, [0, 0, 1, 1, 2, 2]],
    [30, 10, [0]],
    [16, 16, [0, 1, 2]],
  ])('from %d to %d frames a second', async (from, to, expected) => {
    const made = await collectFrames(
      fitted(greys([0, 1, 2], [2, 2], from), { name: 'v', width: 2, height: 2, fps: to }),
    );
    expect(firstOf(made)).toEqual(expected);
    expect(made.fps).toBe(to);
  });

  test('takes the first frames; too few are refused', async () => {
    const stream = fitted(greys([0, 1, 2], [2, 2], 8), { name: 'v', width: 2, height: 2, numFrames: 2 });
    expect(stream.notes).toEqual(['v: the first 2 of 3 frames taken']);
    const picture = fitted(greys([0], [2, 2], 16), { name: 'v', width: 2, height: 2, fps: 12 });
    expect(picture.notes).toEqual([]); // a picture has no rate
    expect(firstOf(await collectFrames(stream))).toEqual([0, 1]);
    expect(() => fitted(greys([0], [2, 2], 8), { name: 'v', width: 2, height: 2, numFrames: 2 })).toThrow(
      'v: it has 1 frames at 8 a second, but 2 are needed',
    );
  });
});

describe('generate from a video', () => {
  const video = greys([0, 30, 60, 90, 120, 150, 180, 210, 240], [16, 32], 12);

  test('at strength 1 is generate, to the bit', async () => {
    const plain = await movieGen.generate(PROMPT, { seed: 4 });
    const started = await movieGen.generate(PROMPT, { seed: 4, video, strength: 1 });
    expect(same(plain.frames, started.frames)).toBe(true);
  });

  test('at a small strength is near the video as the autoencoder gives it back', async () => {
    const latents = await movieGen.encode(video);
    const distance = async (strength: number) => {
      const made = await movieGen.generate(PROMPT, { seed: 4, video, strength, solver: 'euler' });
      return Math.max(...made.latents.data.map((value, i) => Math.abs(value - latents.data[i]!)));
    };
    expect(await distance(0.001)).toBeLessThan(0.02);
    expect(await distance(0.9)).toBeGreaterThan(0.3);
  });

  test.each(['midpoint', 'heun', 'dopri5'] as const)('with %s', async (solver) => {
    const { frames } = await movieGen.generate(PROMPT, { video, strength: 0.05, solver });
    expect(frames.shape).toEqual([9, 16, 32, 3]);
  });

  test('of any size and rate, and says how it was read', async () => {
    const odd = greys([0, 30, 60, 90, 120, 150, 180], [20, 20], 6);
    const { frames, notes } = await movieGen.generate(PROMPT, { video: odd, strength: 0.3 });
    expect(frames.shape).toEqual([9, 16, 32, 3]);
    expect(notes?.[0]).toBe(
      'video: 20x20 resized and cut to 32x16, 6 frames a second resampled to 12, the first 9 of 14 frames taken',
    );
  });

  test.each([
    [{ strength: 0.5 }, 'strength is for a video to start from'],
    [{ video, strength: 0 }, 'strength must be above 0 and at most 1, got 0'],
    [{ video, image: video }, 'give a video, or pictures of its first and last frame, not both'],
    [{ mask: video }, 'a mask says what is kept of a video: give the video too'],
    [{ video, videoGuidanceScale: 2 }, 'videoGuidanceScale is for what is shown to the model'],
    [
      { image: 3 as never },
      'generate: image: expected frames { data, shape, fps }, or a stream of them, got 3',
    ],
    [
      { image: video },
      'this checkpoint has not learnt image to video; it can do text to video, video to video',
    ],
  ])('refuses what makes no sense: %#', async (options, message) => {
    await expect(movieGen.generate(PROMPT, options)).rejects.toThrow(message);
  });
});

test('what a checkpoint can do is known without loading it', async () => {
  expect(await checkpointSummary(conditioned())).toEqual({
    kind: 'Movie Gen',
    jobs: ['text', 'video', 'image', 'lastImage', 'mask', 'extend', 'edit'],
    tasks: ['add', 'recolour'],
    generation: {
      defaults: {
        sampler: movieGen.index.sampler,
        video: movieGen.index.video,
        prompts: movieGen.index.prompts,
      },
      multiple: movieGen.multiple,
      frameStep: 1,
    },
  });
  const { kind, jobs, generation } = await checkpointSummary(WAN);
  expect([kind, jobs]).toEqual([
    'Wan 2.1, of other sizes: 2 layers of width 64 with 2 heads',
    ['text', 'video'],
  ]);
  expect(generation).toMatchObject({
    defaults: { sampler: { steps: 50, guidanceScale: 5 }, video: { width: 832, numFrames: 81 } },
    multiple: [16, 16],
    frameStep: 4,
    shift: 3,
  });
});

test('the files that a load reads are known with their bytes', async () => {
  const at = (path: string) => ({ path, bytes: statSync(join(WAN, path)).size });
  const without = [
    'model_index.json',
    'scheduler/scheduler_config.json',
    'transformer/config.json',
    'transformer/diffusion_pytorch_model.safetensors',
    'vae/config.json',
    'vae/diffusion_pytorch_model.safetensors',
  ];
  const texts = ['config.json', 'model.safetensors'].map((name) => `text_encoder/${name}`);
  const tokens = ['tokenizer.json', 'tokenizer_config.json'].map((name) => `tokenizer/${name}`);
  const found = async (options = {}) =>
    (await neededFiles(WAN, options)).sort((a, b) => (a.path < b.path ? -1 : 1));
  expect(await found({ textEncoder: false })).toEqual(without.map(at));
  expect(await found()).toEqual([...without, ...texts, ...tokens].sort().map(at));
  expect((await neededFiles(conditioned())).map(({ path }) => path)).toContain(
    'transformer/model.safetensors',
  );
});
