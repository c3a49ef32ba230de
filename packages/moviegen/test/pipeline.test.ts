// The pipeline on the tiny checkpoint of the fixture: numbers against the reference, what it can do, and what it refuses.
// Not here: stopping it (pipelineStops.test.ts), its encoder and decoder alone (pipelineFrames.test.ts).

import { compareArrays } from '@moviegen/tensor/checks';
import { served, TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';
import type { GenerateOptions } from '../src/generate/options.ts';
import {
  collectFrames,
  decodePng,
  encodePng,
  type Frames,
  InputError,
  MovieGen,
  type Progress,
} from '../src/index.ts';
import { loadPipeline } from '../src/parity/pipeline.ts';
import { testParity } from './parity/fixtures.ts';
import { openTiny, PROMPT, same } from './tinyPipeline.ts';

const { device, movieGen } = await openTiny();

testParity(testDevice, 'pipeline', loadPipeline);

describe('generate', () => {
  test('gives the checkpoint’s size, and the same bytes for the same seed', async () => {
    const one = await movieGen.generate(PROMPT, { seed: 5 });
    expect(one.frames.shape).toEqual([9, 16, 32, 3]);
    expect(one.latents.shape).toEqual([4, 2, 2, 4]);
    expect(one).toMatchObject({ prompt: PROMPT, seed: 5, fps: 12 });
    expect(Object.keys(one.timings)).toEqual(['text', 'compile', 'sample', 'decode']);
    const again = await movieGen.generate(PROMPT, { seed: 5n });
    expect(same(again.frames, one.frames)).toBe(true);
    const other = await movieGen.generate(PROMPT, { seed: 6 });
    expect(same(other.frames, one.frames)).toBe(false);
  });

  test('takes sizes, numbers of frames and steps that the checkpoint does not name', async () => {
    const { frames } = await movieGen.generate(PROMPT, {
      ...{ width: 16, height: 48, numFrames: 1, fps: 2.5, steps: 2, schedule: 'linear' },
    });
    expect(frames).toMatchObject({ shape: [1, 48, 16, 3], fps: 2.5 });
  });

  test('makes the same of several prompts together as one by one', async () => {
    const prompts = [PROMPT, 'the word "HI" moves up', 'an orange star grows on a white background'];
    const [together, alone] = [
      await movieGen.generate(prompts, { seed: 7, batch: 3 }),
      await movieGen.generate(prompts, { seed: [7, 8, 9] }),
    ];
    expect(together.map(({ seed }) => seed)).toEqual([7, 8, 9]);
    for (const [i, { frames, prompt }] of together.entries()) {
      expect(prompt).toBe(prompts[i]);
      expect(furthest(frames, alone[i]!.frames)).toBeLessThanOrEqual(1); // sums in another order, then rounding
    }
  });

  test('computes the branches of guidance together or one after the other, the latter in less memory', async () => {
    const run = async (guidance: 'batched' | 'sequential') => {
      let [used, peak] = [0, 0];
      const made: Float32Array[] = [];
      for await (const { latents } of movieGen.generateStreams([PROMPT, 'a blue square "A" moves up'], {
        ...{ seed: 4, guidance, batch: 2, steps: 2, width: 64, height: 64, schedule: 'linear' },
        onProgress: ({ phase }) => {
          if (phase === 'compile') {
            used = device.memory().used;
            device.resetPeak();
          }
          if (phase === 'sample') peak = device.memory().peakUsed - used;
        },
      }))
        made.push(latents.data);
      return { made, peak };
    };
    const [batched, sequential] = [await run('batched'), await run('sequential')];
    expect(sequential.made.length).toBe(2);
    for (const [i, data] of sequential.made.entries())
      expect(compareArrays(data, batched.made[i]!).error).toBeLessThan(1e-5);
    expect(sequential.peak).toBeLessThan(0.8 * batched.peak);
    const wrong = 'parallel' as 'batched';
    await expect(movieGen.generate(PROMPT, { guidance: wrong })).rejects.toThrow(
      'generate: unknown guidance "parallel"',
    );
  });

  test('starts from noise that is given instead of the seed’s', async () => {
    let noise: Awaited<ReturnType<(Progress & { phase: 'sample' })['latents']>> = [];
    const seeded = await movieGen.generate(PROMPT, {
      seed: 3,
      onProgress: async (progress) => {
        if (progress.phase === 'sample' && progress.step === 0) noise = await progress.latents();
      },
    });
    const given = await movieGen.generate(PROMPT, { seed: 99, latents: noise });
    expect(same(given.frames, seeded.frames)).toBe(true);
  });

  test('is led away from a negative prompt, and not at all without guidance', async () => {
    const plain = await movieGen.generate(PROMPT, { seed: 1 });
    const negative = await movieGen.generate(PROMPT, { seed: 1, negativePrompt: 'a blue square' });
    expect(same(plain.frames, negative.frames)).toBe(false);
    const alone = await movieGen.generate(PROMPT, { seed: 1, guidanceScale: 1 });
    const ignored = await movieGen.generate(PROMPT, {
      ...{ seed: 1, guidanceScale: 1, negativePrompt: 'a blue square' },
    });
    expect(same(alone.frames, ignored.frames)).toBe(true);
  });

  test.each(['midpoint', 'heun', 'dopri5'] as const)('follows the flow with %s', async (solver) => {
    const small = { width: 16, height: 16, numFrames: 1, guidanceScale: 1, seed: 2 };
    const times = solver === 'dopri5' ? {} : ({ steps: 40, schedule: 'linear' } as const);
    const { frames } = await movieGen.generate(PROMPT, { ...small, ...times, solver });
    const fine = { ...small, steps: 100, schedule: 'linear' } as const;
    const [euler, other] = await movieGen.generate([PROMPT, PROMPT], fine);
    // Many steps of first order and some of second end at about the same place, another noise does not.
    expect(4 * distance(frames, euler!.frames)).toBeLessThan(distance(other!.frames, euler!.frames));
    expect(frames.shape).toEqual([1, 16, 16, 3]);
  });

  test('tells every phase, step and frame', async () => {
    const told: string[] = [];
    await movieGen.generate([PROMPT, PROMPT], {
      onProgress: (progress) => {
        const { phase } = progress;
        if (phase === 'load' || phase === 'upscale') return;
        const count = phase === 'sample' ? progress.step : phase === 'decode' ? progress.frames : '';
        told.push(`${progress.first} ${phase} ${count}`.trim());
      },
    });
    const phases = ['text', 'compile', 'sample 0', 'sample 1', 'sample 2', 'sample 3', 'sample 4'];
    const each = [...phases, 'decode 0', 'decode 9'];
    expect(told).toEqual([0, 1].flatMap((first) => each.map((phase) => `${first} ${phase}`)));
  });

  test('shows previews that come to look like the video', async () => {
    const previews: Frames[] = [];
    const { frames } = await movieGen.generate(PROMPT, {
      seed: 4,
      onProgress: async (progress) => {
        if (progress.phase === 'sample' && progress.step > 0) previews.push((await progress.preview())[0]!);
      },
    });
    expect(previews.map(({ shape }) => shape)).toEqual(Array(4).fill([2, 2, 4, 3]));
    expect(decodePng(encodePng(previews[3]!, 1)).shape).toEqual([1, 2, 4, 3]);
    expect(frames.shape[0]).toBe(9);
  });

  test('gives memory back, whatever it is asked', async () => {
    await movieGen.generate(PROMPT);
    const { used } = device.memory();
    await movieGen.generate([PROMPT, PROMPT], { batch: 2, seed: 1 });
    await movieGen.generate(PROMPT, { solver: 'heun', guidanceScale: 1, steps: 2 });
    await movieGen.decode((await movieGen.generate(PROMPT)).latents);
    await movieGen.encode((await movieGen.generate(PROMPT)).frames, { sampleSeed: 1 });
    expect(device.memory()).toMatchObject({ used, pooled: 0 });
  });

  test('gives streams whose frames are decoded as they are asked for', async () => {
    const told: string[] = [];
    const options: GenerateOptions = { seed: 5, onProgress: ({ phase }) => void told.push(phase) };
    for await (const stream of movieGen.generateStreams([PROMPT], options)) {
      expect(told).not.toContain('decode');
      expect(stream).toMatchObject({ prompt: PROMPT, seed: 5, fps: 12, shape: [9, 16, 32, 3] });
      const whole = await movieGen.generate(PROMPT, { seed: 5 });
      expect(same(await collectFrames(stream), whole.frames)).toBe(true);
      expect(told).toContain('decode');
    }
  });

  test('waits for its turn', async () => {
    const both = await Promise.all([
      movieGen.generate(PROMPT, { seed: 1 }),
      movieGen.generate(PROMPT, { seed: 2 }),
    ]);
    const alone = await movieGen.generate(PROMPT, { seed: 2 });
    expect(same(both[1].frames, alone.frames)).toBe(true);
    expect(same(both[0].frames, alone.frames)).toBe(false);
  });
});

test('refuses options that make no sense, each in one line', async () => {
  const { data } = (await movieGen.generate(PROMPT)).latents;
  const wrong: readonly [GenerateOptions, string][] = [
    [{ width: 24 }, 'generate: width must be a multiple of 16, got 24; the nearest are 16 and 32'],
    [{ height: 0 }, 'generate: height must be an integer of at least 1, got 0'],
    [{ numFrames: 0 }, 'generate: numFrames must be an integer of at least 1, got 0'],
    [{ steps: 0 }, 'generate: steps must be an integer of at least 1, got 0'],
    [{ steps: 2.5 }, 'generate: steps must be an integer of at least 1, got 2.5'],
    [{ steps: 9 }, 'generate: the linear-quadratic schedule has at most 8 steps, got 9; use the linear one'],
    [{ fps: 0 }, 'generate: fps must be a number above 0, got 0'],
    [{ guidanceScale: Number.NaN }, 'generate: guidanceScale must be a finite number, got NaN'],
    [{ seed: -1 }, 'generate: seed must be an integer from 0 to 2^64 - 1, got -1'],
    [{ negativePrompt: 7 as never }, 'generate: negativePrompt must be text, got 7'],
    [{ seed: 2n ** 64n }, 'generate: seed must be an integer from 0 to 2^64 - 1, got 18446744073709551616'],
    [{ seed: [1, 2] }, 'generate: got 2 of seed for 1 prompts'],
    [{ batch: 0 }, 'generate: batch must be an integer of at least 1, got 0'],
    [
      { solver: 'rk4' as 'euler' },
      'generate: unknown solver "rk4", expected one of euler, midpoint, heun, dopri5',
    ],
    [
      { solver: 'dopri5', steps: 3 },
      'generate: dopri5 chooses its own steps: give neither steps nor schedule',
    ],
    [
      { schedule: 'cosine' as 'linear' },
      'generate: unknown schedule "cosine", expected one of linear-quadratic, linear',
    ],
    [
      { latents: { data, shape: [4, 2, 4, 2] } },
      'generate: latents must be [4, 2, 2, 4] for this size, got [4, 2, 4, 2]',
    ],
  ];
  for (const [options, message] of wrong)
    await expect(movieGen.generate(PROMPT, options)).rejects.toThrow(new InputError(message));
  await expect(movieGen.generate('  ')).rejects.toThrow(new InputError('generate: the prompt is empty'));
  await expect(movieGen.generate([PROMPT, ''])).rejects.toThrow('generate: the prompt is empty (number 2)');
  await expect(movieGen.generate([])).rejects.toThrow('generate: there is no prompt');
});

test('loads from a web address as from a folder', async () => {
  const server = await served(TINY);
  try {
    const bytes: number[] = [];
    const remote = await MovieGen.fromPretrained(server.url, {
      device,
      onProgress: (progress) => {
        if (progress.phase === 'load') bytes.push(progress.bytes / progress.totalBytes);
      },
    });
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(bytes.at(-1)).toBe(1);
    const [far, near] = [await remote.generate(PROMPT), await movieGen.generate(PROMPT)];
    expect(same(far.frames, near.frames)).toBe(true);
    remote.dispose();
    expect(server.requests).toContain('/transformer/model-00002-of-00003.safetensors');
  } finally {
    server.close();
  }
});

/** The mean of the differences. */
const distance = (a: Frames, b: Frames): number =>
  a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;

function furthest(a: Frames, b: Frames): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}
