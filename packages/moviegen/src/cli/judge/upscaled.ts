// The job of an upsampler, as `moviegen judge --job upscale` asks it: small clips as the autoencoder of shapes world gives them, at
// twice the size. Not here: the other jobs (samples.ts), the judge (@moviegen/evaluation).

import {
  caption,
  draw,
  drawLarge,
  FRAMES,
  judgeUpscaled,
  LARGE,
  psnrOf,
  type UpscaleSample,
  upscaleSamples,
} from '@moviegen/evaluation';
import type { Autoencoder } from '../../autoencoder.ts';
import { enlargedFrames } from '../../video/enlarge.ts';
import type { Video } from '../../video/frames.ts';
import { upsamplerPlace } from '../run.ts';
import type { Judging } from './judging.ts';

/** Upscaling. */
export const UPSCALING: Judging = {
  samples: () => upscaleSamples().map(({ facts }) => ({ prompt: caption(facts) })),
  async load(run, options) {
    const { model, ...others } = options;
    const source = upsamplerPlace(model, '--model');
    const upsampler = await run.upsampler(options);
    const image = await run.autoencoder({ ...others, model: `${source}/${upsampler.index.tae}` });
    const small = await run.autoencoder(others);
    const samples = upscaleSamples();
    return {
      device: upsampler.device,
      async make(i, { signal, ...sampling }) {
        const sample = samples[i]!;
        const given = await smallVideo(small, sample, signal);
        const large = enlargedFrames(given, LARGE, LARGE);
        const decoded = psnrOf(
          await image.decode(await image.encode(large, { signal }), { signal }),
          drawLarge(sample.facts, sample.offset),
        );
        return {
          video: await upsampler.upscale(given, { ...sampling, signal }),
          figuresOf(seen) {
            const { right, rightBefore, psnr, bilinear, flicker } = judgeUpscaled(seen, given, large, sample);
            return { right, 'right at 64': rightBefore, psnr, bilinear, 'decode(c)': decoded, flicker };
          },
        };
      },
    };
  },
};

/** A clip as the temporal autoencoder gives it. */
async function smallVideo(
  autoencoder: Autoencoder,
  { facts, offset }: UpscaleSample,
  signal: AbortSignal,
): Promise<Video> {
  const clip = draw(facts, offset);
  const latents = await autoencoder.encode(clip, { signal });
  const { data, shape } = await autoencoder.decode(latents, { numFrames: FRAMES, signal });
  return { data, shape, fps: clip.fps };
}
