// The sizes of videos and latents that Wan's transformer and autoencoder allow together.

import type { WanAutoencoderConfig, WanTransformerConfig } from '@moviegen/wan';
import { InputError } from '../../errors.ts';
import type { Geometry } from '../../generate/request.ts';

/** Frames per latent frame, after the first. */
export const TEMPORAL = 4;

/** @param factor pixels per position of the latents */
export function geometryOf(
  {
    patchSize: [patchT, patchH, patchW],
    ropeMaxSeqLen,
  }: Pick<WanTransformerConfig, 'patchSize' | 'ropeMaxSeqLen'>,
  { zDim }: Pick<WanAutoencoderConfig, 'zDim'>,
  factor: number,
): Geometry {
  return {
    multiple: [factor * patchH, factor * patchW],
    maxFrames: 1 + TEMPORAL * (ropeMaxSeqLen * patchT - 1),
    framesWithin: (count) => Math.max(1, count - ((count - 1) % TEMPORAL)),
    latentShape(frames, height, width) {
      const more = (frames - 1) % TEMPORAL;
      if (more !== 0)
        throw new InputError(
          `generate: numFrames must be 4k + 1, got ${frames}; the nearest are ${frames - more} and ${frames - more + TEMPORAL}`,
        );
      return [zDim, 1 + (frames - 1) / TEMPORAL, height / factor, width / factor];
    },
    tokens: ([, T, H, W]) => (T * H * W) / (patchT * patchH * patchW),
  };
}
