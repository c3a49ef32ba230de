// Which sizes of videos and latents a checkpoint's models impose on one another.

import type { DiTConfig } from '@moviegen/dit';
import type { TAEConfig } from '@moviegen/tae';

/** Sizes that a checkpoint's models impose. */
export interface Geometry {
  /** Pixels that make a token: width and height are multiples of it. */
  readonly multiple: readonly [height: number, width: number];
  /** Shape of a video's latents. */
  latentShape(numFrames: number, height: number, width: number): readonly [number, number, number, number];
}

/** The sizes of a transformer and an autoencoder together. */
export function geometryOf(
  { patchSize: [, patchH, patchW] }: DiTConfig,
  { factor, config }: { readonly factor: number; readonly config: TAEConfig },
): Geometry {
  const framesEach = config.temporal ? factor : 1;
  return {
    multiple: [factor * patchH, factor * patchW],
    latentShape: (frames, height, width) => [
      config.latentChannels,
      Math.ceil(frames / framesEach),
      height / factor,
      width / factor,
    ],
  };
}
