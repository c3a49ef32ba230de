// The sizes of videos and latents that a checkpoint's transformer and autoencoder allow together.

import type { DiTConfig } from '@moviegen/dit';
import type { TAEConfig } from '@moviegen/tae';
import type { Geometry } from '../../generate/request.ts';

/** The sizes of a transformer and an autoencoder together. */
export function geometryOf(
  { patchSize: [patchT, patchH, patchW], maxGrid, firstFrame }: DiTConfig,
  { factor, config }: { readonly factor: number; readonly config: TAEConfig },
): Geometry {
  const framesEach = config.temporal ? factor : 1;
  const copies = firstFrame === 'exact' ? framesEach - 1 : 0; // of the first frame, before it
  return {
    maxFrames: maxGrid[0] * patchT * framesEach - copies,
    multiple: [factor * patchH, factor * patchW],
    framesWithin: (count) => count,
    latentShape: (frames, height, width) => [
      config.latentChannels,
      Math.ceil((frames + copies) / framesEach),
      height / factor,
      width / factor,
    ],
    tokens: ([, T, H, W]) => (T * H * W) / (patchT * patchH * patchW),
  };
}
