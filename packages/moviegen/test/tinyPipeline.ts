// The tiny checkpoint of the fixture, loaded once for the tests of a file.

import type { Device } from '@moviegen/tensor';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect } from 'vitest';
import { type Frames, MovieGen } from '../src/index.ts';

/** A prompt that its tokenizers know. */
export const PROMPT = 'a small red circle moves right on a black background';

/** Loads it; after the file's tests it goes, and leaves nothing on the device. */
export async function openTiny(): Promise<{ device: Device; movieGen: MovieGen }> {
  const device = await testDevice();
  const before = device.memory().used;
  const movieGen = await MovieGen.fromPretrained(TINY, { device });
  afterAll(() => {
    movieGen.dispose();
    expect(device.memory().used).toBe(before);
  });
  return { device, movieGen };
}

/** Whether frames are the same to the byte. */
export const same = (a: Frames, b: Frames): boolean => Buffer.compare(a.data, b.data) === 0;
