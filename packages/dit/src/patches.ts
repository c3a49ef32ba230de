// Latents to patches and back: the two ends of the backbone. A token is a patch of 1 x h x w latent positions.

import { permute, type Tensor } from '@moviegen/tensor';
import type { Grid } from './positions.ts';

/** The grid of tokens of latents [B, C, T, H, W]. @throws Error where a patch does not divide an axis. */
export function gridOf(shape: readonly number[], patch: readonly [number, number, number]): Grid {
  const sizes = shape.slice(2);
  sizes.forEach((size, i) => {
    if (size % patch[i]! !== 0)
      throw new Error(`dit: latent ${'THW'[i]} must be a multiple of ${patch[i]}, got [${shape.join(', ')}]`);
  });
  return sizes.map((size, i) => size / patch[i]!) as unknown as Grid;
}

/** [B, C, T, H, W] to the patches' values [B, N, C h w], t-major: what the 1 x h x w convolution multiplies. */
export function toPatches(x: Tensor, [T, H, W]: Grid, [, h, w]: readonly [number, number, number]): Tensor {
  const [B, C] = x.shape as [number, number];
  const split = x.reshape([B, C, T * H, h, W, w]);
  return permute(split, [0, 2, 4, 1, 3, 5]).reshape([B, T * H * W, C * h * w]);
}

/** Tokens [B, N, h w C] to [B, C, T, H, W]. A token holds its patch in the order (h, w, C). */
export function fromPatches(x: Tensor, [T, H, W]: Grid, [, h, w]: readonly [number, number, number]): Tensor {
  const [B, , values] = x.shape as [number, number, number];
  const C = values / (h * w);
  const split = x.reshape([B, T * H, W, h, w, C]);
  return permute(split, [0, 5, 1, 3, 2, 4]).reshape([B, C, T, H * h, W * w]);
}
