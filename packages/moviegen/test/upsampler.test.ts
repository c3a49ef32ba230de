// The upsampler: its windows against the reference's and the golden figures of the specification, its velocity and its steps
// against the reference's, what it does to a video, and that memory does not grow with the video.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { axisWindows, Windows } from '@moviegen/sampler';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { MovieGen, MovieGenUpsampler, parsePolicy, type UpscaleProgress } from '../src/index.ts';
import { enlarged } from '../src/video/enlarge.ts';
import type { Video, VideoStream } from '../src/video/frames.ts';
import { same } from './tinyPipeline.ts';
import { flowError, tinyUpsampler, UPSAMPLER_INDEX } from './tinyUpsampler.ts';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
const { windows: golden } = JSON.parse(readFileSync(join(fixtures, 'jobs/cases.json'), 'utf8')) as {
  readonly windows: readonly { A: number; n: number; o: number; starts: number[]; weights: number[][] }[];
};

const device = await testDevice();
const before = device.memory().used;
const upsampler = await MovieGenUpsampler.fromPretrained(tinyUpsampler(), { device });
afterAll(() => {
  upsampler.dispose();
  expect(device.memory().used).toBe(before);
});

function pattern(count: number, [H, W]: readonly [number, number]): Video {
  const data = new Uint8Array(count * H * W * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7 + (i >> 5)) % 256;
  return { data, shape: [count, H, W, 3], fps: 16 };
}

describe('windows', () => {
  test.each(golden)('$A in $n sharing $o, as the reference', ({ A, n, o, starts, weights }) => {
    const windows = axisWindows(A, n, o);
    expect(windows.starts).toEqual(starts);
    for (const [i, expected] of weights.entries())
      for (const [j, value] of expected.entries()) expect(windows.weights[i]![j]).toBeCloseTo(value, 12);
    expect(Math.min(...windows.sums)).toBeGreaterThan(0);
  });

  test('the golden figures', () => {
    const time = axisWindows(256, 14, 4);
    expect(time.starts).toHaveLength(26);
    expect(time.starts.slice(0, 5)).toEqual([0, 9, 19, 29, 38]);
    expect(time.starts.slice(-2)).toEqual([232, 242]);
    const ramp = [0.2, 0.4, 0.6, 0.8];
    const inner = [...time.weights[3]!].map((value) => Math.round(value * 1e6) / 1e6);
    expect(time.starts[3]! - time.starts[2]!).toBe(10);
    expect(inner.slice(0, 4)).toEqual(ramp);
    expect([axisWindows(68, 32, 8).starts, axisWindows(120, 32, 8).starts]).toEqual([
      [0, 18, 36],
      [0, 22, 44, 66, 88],
    ]);
    for (const sum of time.sums) expect(sum).toBeCloseTo(1, 12); // two meet at most
  });

  test('a velocity of the place alone is the same in windows', () => {
    const shape = [2, 7, 8, 10] as const;
    const windows = new Windows(shape, { sizes: [3, 4, 6], overlaps: [1, 2, 2] }, [1, 2, 2]);
    const whole = Float32Array.from({ length: 2 * 7 * 8 * 10 }, (_, i) => Math.sin(i));
    const [part, sums] = [new Float32Array(2 * 3 * 4 * 6), new Float32Array(whole.length)];
    for (const place of windows.places) {
      windows.cut(whole, place, part);
      windows.add(part, place, sums);
    }
    windows.average(sums);
    for (const [i, value] of sums.entries()) expect(value).toBeCloseTo(whole[i]!, 5);
  });
});

test('the flow along windows as the reference', async () => {
  expect(await flowError(device, 'f32')).toBeLessThan(1e-4);
});

describe('upscale', () => {
  test('doubles a video, reports what it does, and is the same again', async () => {
    const video = pattern(5, [20, 36]);
    const told: UpscaleProgress[] = [];
    const large = await upsampler.upscale(video, { seed: 3, onProgress: (one) => void told.push(one) });
    expect(large.shape).toEqual([5, 40, 72, 3]);
    expect(large.fps).toBe(16);
    // Latents of 5 x 6 x 10: two windows in time, one tile above another at most, two beside one another; three steps.
    const windows = told.filter(({ part }) => part === 'sample');
    expect(windows.at(-1)).toMatchObject({ done: windows.length - 1, total: windows.length - 1 });
    expect(told.filter(({ part }) => part === 'encode').map(({ done }) => done)).toEqual([1, 2, 3, 4, 5]);
    expect(told.at(-1)).toEqual({ phase: 'upscale', part: 'decode', done: 5, total: 5 });
    expect(same(await upsampler.upscale(video, { seed: 3 }), large)).toBe(true);
    expect(same(await upsampler.upscale(video, { seed: 4 }), large)).toBe(false);
  });

  test('windows and tiles no smaller than the video change nothing, to the bit', async () => {
    const video = pattern(3, [16, 32]);
    const options = { scale: 2, window: { frames: 8, overlap: 2 } } as const;
    const tiled = await upsampler.upscale(video, { ...options, tile: { size: 64, overlap: 16 } });
    expect(same(await upsampler.upscale(video, { ...options, tile: 'none' }), tiled)).toBe(true);
  });

  test.each(['midpoint', 'heun', 'dopri5'] as const)('with %s', async (solver) => {
    const options = solver === 'dopri5' ? {} : { steps: 1 };
    const large = await upsampler.upscale(pattern(1, [8, 16]), { solver, ...options });
    expect(large.shape).toEqual([1, 16, 32, 3]);
  });

  test.each(['q8', ...(device.target.f16 ? ['f16'] : [])])(
    'with weights in %s, and with guidance',
    async (dtype) => {
      const other = await MovieGenUpsampler.fromPretrained(tinyUpsampler(), {
        device,
        dtype: parsePolicy(dtype),
        maxMemory: 2 ** 20,
      });
      const large = await other.upscale(pattern(2, [8, 16]), {
        steps: 1,
        guidanceScale: 2,
        prompt: 'a star',
      });
      expect(large.shape).toEqual([2, 16, 32, 3]);
      other.dispose();
    },
  );

  test('keeps the colours of the video where it is asked to', async () => {
    const video = pattern(2, [16, 32]);
    const mean = ({ data }: Video) => data.reduce((sum, value) => sum + value, 0) / data.length;
    const matched = await upsampler.upscale(video, { colorMatch: true });
    expect(Math.abs(mean(matched) - mean(video))).toBeLessThan(6);
  });

  test.each([
    [{ scale: 2, width: 64 }, 'give a scale, or a width and height, not both'],
    [{ scale: 0.5 }, 'scale must be a number of at least 1, got 0.5'],
    [{ scale: 2000 }, '64000x32000 has 2048000000 pixels a frame, and at most 268435456 can be made'],
    [{ steps: 0 }, 'upscale: steps must be an integer of at least 1, got 0'],
    [{ width: 16 }, '16x8 is smaller than the video, which is 32x16'],
    [{ tile: { size: 7, overlap: 2 } }, 'tile of 7 that share 2 must be multiples of 2'],
    [{ window: { frames: 4, overlap: 4 } }, 'window of 4 that share 4 must be integers, 0 <= overlap < size'],
  ])('refuses what makes no sense: %#', (options, message) => {
    expect(() => upsampler.upscaleStream(pattern(1, [16, 32]), options)).toThrow(message);
  });

  test('says that a size of another shape stretches the video', () => {
    const notesOf = (size: object) => upsampler.upscaleStream(pattern(1, [16, 32]), size).notes;
    expect(notesOf({ width: 64, height: 64 })).toEqual([
      'upscale: 32x16 is stretched to 64x64, which has another shape',
    ]);
    expect(notesOf({ width: 67, height: 33 })).toBeUndefined();
  });

  test('the peak on the device is the same however long the video is', async () => {
    const peaks: number[] = [];
    for (const count of [64, 256]) {
      const frame = pattern(1, [8, 8]);
      const video: VideoStream = {
        shape: [count, 8, 8, 3],
        fps: 16,
        async *[Symbol.asyncIterator]() {
          for (let t = 0; t < count; t++) yield frame;
        },
      };
      device.trim();
      device.resetPeak();
      let frames = 0;
      const options = { steps: 1, window: { frames: 14, overlap: 4 } };
      for await (const piece of upsampler.upscaleStream(video, options)) frames += piece.shape[0];
      expect(frames).toBe(count);
      peaks.push(device.memory().peak);
    }
    expect(new Set(peaks).size).toBe(1);
  });

  test('stops within a step, and keeps no memory', async () => {
    await upsampler.upscale(pattern(3, [16, 32]), { steps: 1 }); // tables of positions stay
    const { used } = device.memory();
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = upsampler.upscale(pattern(5, [16, 32]), {
      signal: controller.signal,
      onProgress: ({ part, done }) => {
        if (part === 'sample' && done === 3) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    await device.sync();
    expect(device.memory().used).toBe(used);
  });
});

test('bilinear: half-pixel centres, edges clamped, the edge repeated where it is padded', () => {
  const data = new Uint8Array([0, 0, 0, 255, 255, 255]);
  const size = { width: 4, height: 1, paddedWidth: 6, paddedHeight: 2 };
  const row = [...enlarged({ data, shape: [1, 1, 2, 3] }, 0, size)]
    .slice(0, 6)
    .map((v) => Math.round(v * 1e4) / 1e4);
  expect(row).toEqual([-1, -0.5, 0.5, 1, 1, 1]);
});

test('other checkpoints are refused in one line', async () => {
  await expect(MovieGen.fromPretrained(tinyUpsampler(), { device })).rejects.toThrow(
    'MovieGenUpsampler loads it',
  );
  const other = tinyUpsampler({ ...UPSAMPLER_INDEX, _class_name: 'MovieGenPipeline' });
  await expect(MovieGenUpsampler.fromPretrained(other, { device })).rejects.toThrow(
    'this is not an upsampler',
  );
  await expect(
    MovieGenUpsampler.fromPretrained(tinyUpsampler(), { device, parts: { vae: 'elsewhere' } }),
  ).rejects.toThrow('single models (--transformer, --vae, --text-encoder) are for Wan');
  const wrong = tinyUpsampler({ ...UPSAMPLER_INDEX, window: { frames: 2, overlap: 2 }, scale: 0 });
  await expect(MovieGenUpsampler.fromPretrained(wrong, { device })).rejects.toThrow(
    /window: got.*\n.*scale: got 0/s,
  );
});
