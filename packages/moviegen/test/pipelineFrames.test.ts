// The pipeline's encoder and decoder alone, on the tiny checkpoint: tiles, pieces, sampled latents, what they refuse.

import { TINY } from '@moviegen/testing/checkpoints';
import { describe, expect, test } from 'vitest';
import { type Frames, MovieGen } from '../src/index.ts';
import { framesBetween, joinFrames } from '../src/video/frames.ts';
import { openTiny, PROMPT, same } from './tinyPipeline.ts';

const { device, movieGen } = await openTiny();

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

  test('that come slowly are encoded beside a generation whose layers come slowly', async () => {
    const { frames } = await movieGen.generate(PROMPT);
    const wanted = await movieGen.encode(frames);
    const { used } = device.memory();
    const streaming = await MovieGen.fromPretrained(TINY, { device, maxMemory: 218 * 2 ** 10 });
    await streaming.generate(PROMPT); // makes what is made once
    const held = device.memory().used;
    const slow = async function* () {
      for (let t = 0; t < frames.shape[0]; t++) {
        await new Promise((resolve) => setTimeout(resolve));
        yield framesBetween(frames, t, t + 1);
      }
    };
    for (let round = 0; round < 3; round++) {
      const both = [streaming.generate(PROMPT), streaming.encode(slow())] as const;
      const [generation, encoded] = await Promise.all(both);
      expect(same(generation.frames, frames)).toBe(true);
      expect(encoded).toEqual(wanted);
    }
    expect(device.memory().used).toBe(held);
    streaming.dispose();
    expect(device.memory().used).toBe(used);
  });

  test('that never come keep nobody waiting once they are given up', async () => {
    const { used } = device.memory();
    const stop = new AbortController();
    const never = async function* (): AsyncGenerator<Frames> {
      await new Promise(() => {});
    };
    const encoding = movieGen.encode(never(), { signal: stop.signal });
    await movieGen.generate(PROMPT);
    stop.abort(new Error('enough'));
    await expect(encoding).rejects.toThrow('enough');
    await movieGen.generate(PROMPT);
    expect(device.memory().used).toBe(used);
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
