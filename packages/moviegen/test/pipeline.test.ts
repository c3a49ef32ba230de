// The pipeline on the tiny checkpoint of the fixture: numbers against the reference, and everything around them.

import { compare } from '@moviegen/tensor';
import { afterAll, describe, expect, test } from 'vitest';
import { testDevice } from '../../tensor/test/device.ts';
import type { GenerateOptions } from '../src/generateOptions.ts';
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
import { framesBetween, joinFrames } from '../src/video/frames.ts';
import { served, TINY } from './checkpoints.ts';
import { testParity } from './fixtures.ts';

const PROMPT = 'a small red circle moves right on a black background';
const device = await testDevice();
const weightsBefore = device.memory().used;
const movieGen = await MovieGen.fromPretrained(TINY, { device });
afterAll(() => {
  movieGen.dispose();
  expect(device.memory().used).toBe(weightsBefore);
});

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
      expect(compare(data, batched.made[i]!).error).toBeLessThan(1e-5);
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
        if (phase === 'load') return;
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

describe('stops when it is told to', () => {
  const stopAt = async (
    at: (progress: Progress) => boolean,
    run: (options: GenerateOptions) => Promise<unknown>,
  ) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const after: Progress[] = [];
    const stopped = run({
      signal: controller.signal,
      onProgress: (progress) => {
        if (controller.signal.aborted) after.push(progress);
        else if (at(progress)) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(after).toEqual([]); // nothing goes on
  };

  test.each([
    ['in the text', ({ phase }: Progress) => phase === 'text'],
    ['while compiling', ({ phase }: Progress) => phase === 'compile'],
    ['at a step', (progress: Progress) => progress.phase === 'sample' && progress.step === 2],
    ['before a frame', (progress: Progress) => progress.phase === 'decode' && progress.frames === 0],
  ])('%s', async (_, at) => {
    await movieGen.generate(PROMPT);
    const { used } = device.memory();
    await stopAt(at, (options) => movieGen.generate(PROMPT, options));
    await device.sync();
    expect(device.memory().used).toBe(used);
    const { frames } = await movieGen.generate(PROMPT, { seed: 5 });
    expect(frames.shape).toEqual([9, 16, 32, 3]);
  });

  test('within a frame', async () => {
    const { latents } = await movieGen.generate(PROMPT);
    const { used } = device.memory();
    const controller = new AbortController();
    const stopped = movieGen.decode(latents, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 1);
    await expect(stopped).rejects.toThrow('enough');
    await movieGen.generate(PROMPT); // by then the tile that nobody wants has come and gone
    expect(device.memory().used).toBe(used);
  });

  test('while it loads', async () => {
    const { used } = device.memory();
    await stopAt(
      ({ phase }) => phase === 'load',
      (options) => MovieGen.fromPretrained(TINY, { device, ...options } as never),
    );
    expect(device.memory().used).toBe(used);
  });

  test('before it begins', async () => {
    const signal = AbortSignal.abort(new Error('never'));
    await expect(movieGen.generate(PROMPT, { signal })).rejects.toThrow('never');
    await expect(MovieGen.fromPretrained(TINY, { device, signal })).rejects.toThrow('never');
  });
});

describe('encode and decode', () => {
  test('are of the sizes of one another', async () => {
    const { frames, latents } = await movieGen.generate(PROMPT);
    const encoded = await movieGen.encode(frames);
    expect(encoded.shape).toEqual(latents.shape);
    const decoded = await movieGen.decode(latents, { numFrames: 9 });
    expect(same(decoded, frames)).toBe(true);
    expect((await movieGen.decode(latents)).shape).toEqual([16, 16, 32, 3]);
  });

  test('sample the latents with a seed', async () => {
    const { frames } = await movieGen.generate(PROMPT);
    const [mode, one, again, other] = [
      await movieGen.encode(frames),
      await movieGen.encode(frames, { sampleSeed: 1 }),
      await movieGen.encode(frames, { sampleSeed: 1 }),
      await movieGen.encode(frames, { sampleSeed: 2 }),
    ];
    expect(one.data).toEqual(again.data);
    expect(one.data).not.toEqual(other.data);
    expect(one.data).not.toEqual(mode.data);
  });

  test('tile what is longer than 32 frames', async () => {
    const [T, H, W] = [41, 16, 16];
    const data = Uint8Array.from({ length: T * H * W * 3 }, (_, i) => (i * 7919) % 256);
    const latents = await movieGen.encode({ data, shape: [T, H, W, 3] });
    expect(latents.shape).toEqual([4, 6, 2, 2]);
    const counts: number[] = [];
    const onProgress = (frames: number) => void counts.push(frames);
    expect((await movieGen.decode(latents, { numFrames: T, onProgress })).shape).toEqual([T, H, W, 3]);
    expect(counts).toEqual([16, 32, 41]); // as no later tile has a share in them
  });

  test('take and give frames piece by piece, in memory that does not grow with their number', async () => {
    const [H, W] = [16, 16];
    const noise = (T: number): Frames => ({
      data: Uint8Array.from({ length: T * H * W * 3 }, (_, i) => (i * 7919) % 251),
      shape: [T, H, W, 3],
    });
    const measured = async (T: number) => {
      const { used } = device.memory();
      const video = noise(T);
      const pieces = function* () {
        for (let t = 0; t < T; t += 5) yield framesBetween(video, t, Math.min(t + 5, T));
      };
      device.resetPeak();
      const latents = await movieGen.encode(pieces(), { sampleSeed: 1 });
      const whole: Frames[] = [];
      for await (const piece of movieGen.decodeStream(latents, { numFrames: T })) whole.push(piece);
      const peak = device.memory().peakUsed - used;
      expect(device.memory().used).toBe(used);
      expect(latents).toEqual(await movieGen.encode(video, { sampleSeed: 1 }));
      expect(same(joinFrames(whole), await movieGen.decode(latents, { numFrames: T }))).toBe(true);
      return peak;
    };
    expect(await measured(70)).toBe(await measured(100));
  });

  test('go on side by side: what one decodes another encodes', async () => {
    const { latents } = await movieGen.generate(PROMPT);
    const again = await movieGen.encode(movieGen.decodeStream(latents));
    expect(again.shape).toEqual(latents.shape);
    const [, T, H, W] = latents.shape;
    const tiles = { spatialTile: 1, spatialOverlap: 0 };
    const tiled = await movieGen.decode(latents, { tiles });
    expect(tiled.shape).toEqual([8 * T, 8 * H, 8 * W, 3]);
    expect(same(tiled, await movieGen.decode(latents))).toBe(false);
  });

  test('refuse what is of another size', async () => {
    const frames: Frames = { data: new Uint8Array(12 * 16 * 3), shape: [1, 12, 16, 3] };
    await expect(movieGen.encode(frames)).rejects.toThrow(
      'encode: width and height must be multiples of 8, got 16x12; pad or crop the video',
    );
    const { latents } = await movieGen.generate(PROMPT);
    await expect(movieGen.decode(latents, { numFrames: 8 })).rejects.toThrow('hold 9 to 16 frames');
    const three = { data: new Float32Array(3), shape: [3, 1, 1, 1] as const };
    await expect(movieGen.decode(three)).rejects.toThrow('decode: latents must have 4 channels');
    const changing: Frames[] = [frames, { data: new Uint8Array(8 * 16 * 3), shape: [1, 8, 16, 3] }];
    await expect(movieGen.encode(changing.toReversed())).rejects.toThrow('multiples of 8, got 16x12');
    const other: Frames = { data: new Uint8Array(16 * 16 * 3), shape: [1, 16, 16, 3] };
    await expect(movieGen.encode([changing[1]!, other])).rejects.toThrow(
      'encode: frame 1 is 16x16, those before it are 16x8; give frames of one size',
    );
    await expect(movieGen.encode([])).rejects.toThrow('encode: the video has no frames');
  });
});

test('refuses options that make no sense, each in one line', async () => {
  const { data } = (await movieGen.generate(PROMPT)).latents;
  const wrong: readonly [GenerateOptions, string][] = [
    [{ width: 24 }, 'generate: width must be a multiple of 16, got 24'],
    [{ height: 0 }, 'generate: height must be an integer of at least 1, got 0'],
    [{ numFrames: 0 }, 'generate: numFrames must be an integer of at least 1, got 0'],
    [{ steps: 0 }, 'generate: steps must be an integer of at least 1, got 0'],
    [{ steps: 2.5 }, 'generate: steps must be an integer of at least 1, got 2.5'],
    [{ steps: 9 }, 'generate: the linear-quadratic schedule has at most 8 steps, got 9; use the linear one'],
    [{ fps: 0 }, 'generate: fps must be a number above 0, got 0'],
    [{ guidanceScale: Number.NaN }, 'generate: guidanceScale must be a finite number, got NaN'],
    [{ seed: -1 }, 'generate: seed must be an integer from 0 to 2^64 - 1, got -1'],
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

const same = (a: Frames, b: Frames): boolean => Buffer.compare(a.data, b.data) === 0;

/** The mean of the differences. */
const distance = (a: Frames, b: Frames): number =>
  a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;

function furthest(a: Frames, b: Frames): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}
