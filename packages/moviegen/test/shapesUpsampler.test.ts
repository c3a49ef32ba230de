// The shipped upsampler, from its files: the first frames of a clip as the autoencoder of shapes world gives them, at twice the size,
// against the true large clip, and as near to it as what PyTorch makes of the same files and noise.

import { fileURLToPath } from 'node:url';
import { type Clip, draw, drawLarge, LARGE, psnrOf, upscaleSamples } from '@moviegen/evaluation';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { Autoencoder, MovieGenUpsampler } from '../src/index.ts';
import { enlargedFrames } from '../src/video/enlarge.ts';

const FRAMES = 8;
const SAMPLE = 28;
/** PSNR in dB of this sample, as reference/evaluate_upsampler.py measures it with `--steps 1 --frames 8`. */
const PYTORCH = { psnr: 34.614, bilinear: 33.295 };

const model = (name: string) => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
const first = ({ data, shape: [T, H, W] }: Clip): Clip => ({
  data: data.slice(0, (data.length / T) * FRAMES),
  shape: [FRAMES, H, W, 3],
});

test('doubles a clip of shapes world, nearer to the true one than bilinear interpolation', async () => {
  const device = await testDevice();
  const { facts, offset } = upscaleSamples()[SAMPLE]!;
  const truth = first(drawLarge(facts, offset));

  const autoencoder = await Autoencoder.fromPretrained(model('shapes-world'), { device });
  const small = {
    ...first(await autoencoder.decode(await autoencoder.encode(draw(facts, offset)))),
    fps: 16,
  };
  autoencoder.dispose();
  const bilinear = psnrOf(enlargedFrames(small, LARGE, LARGE), truth);
  expect(bilinear).toBeCloseTo(PYTORCH.bilinear, 1);

  const upsampler = await MovieGenUpsampler.fromPretrained(model('shapes-world-upsampler'), { device });
  const large = await upsampler.upscale(small, { seed: SAMPLE, steps: 1 });
  upsampler.dispose();
  expect(large.shape).toEqual([FRAMES, LARGE, LARGE, 3]);
  const made = psnrOf(large, truth);
  expect(made).toBeCloseTo(PYTORCH.psnr, 1);
  expect(made).toBeGreaterThan(bilinear);
});
