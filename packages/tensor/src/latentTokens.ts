// Latents of a diffusion transformer as tokens, and back. A token is a patch of 1 x h x w latent positions. Not here: what a
// model does with its tokens.
//
// Legend: B batch, C channels, T H W latent frames, height, width, D model width, N tokens.

import { type DType, show } from '@moviegen/kernels';
import { advance, scope } from './device/scope.ts';
import { Linear } from './layers.ts';
import { cast } from './ops/cast.ts';
import { concat, permute } from './ops/movement.ts';
import type { Tensor } from './tensor.ts';
import type { WeightBook } from './weights/book.ts';

/** Latent positions of a token. */
export type Patch = readonly [t: number, h: number, w: number];
/** Tokens along t, h, w. */
export type Grid = readonly [t: number, h: number, w: number];

/**
 * The grid of tokens of latents [B, C, T, H, W].
 * @param model names the model in the error.
 * @throws Error where the latents do not fit the model.
 */
export function tokenGrid(model: string, shape: readonly number[], C: number, patch: Patch): Grid {
  const came = show(shape);
  if (shape.length !== 5 || shape[1] !== C)
    throw new Error(`${model}: latents must be [B, ${C}, T, H, W], got ${came}`);
  const sizes = shape.slice(2);
  sizes.forEach((size, i) => {
    if (size % patch[i]! !== 0)
      throw new Error(`${model}: latent ${'THW'[i]} must be a multiple of ${patch[i]}, got ${came}`);
  });
  return sizes.map((size, i) => size / patch[i]!) as unknown as Grid;
}

/**
 * B, where latents, times and prompts agree on it: one sample may be shared by all prompts, one time by all samples.
 * @throws Error where they do not.
 */
export function batchOf(model: string, latents: Tensor, t: Tensor, prompts: number): number {
  const samples = latents.shape[0]!;
  const B = Math.max(samples, prompts);
  if (samples !== prompts && samples !== 1)
    throw new Error(`${model}: text of ${prompts} prompts does not fit ${samples} samples`);
  if (t.rank !== 1 || (t.shape[0] !== 1 && t.shape[0] !== B))
    throw new Error(`${model}: t must be [${B}], or [1] for all, got ${show(t.shape)}`);
  return B;
}

const HIDDEN_BYTES = 256 * 2 ** 20;

/** As many tokens as have 256 MiB of hidden values of this width: those that projections and FFNs take at a time. */
export const tokensWithin = (width: number, dtype: DType): number =>
  Math.max(1024, Math.floor(HIDDEN_BYTES / (width * (dtype === 'f16' ? 2 : 4))));

/** The 1 x h x w convolution with its kernel as its stride: it equals a linear map of patches, and runs as one. */
export class PatchEmbed {
  readonly #patch: Patch;
  readonly #dtype: DType;
  readonly #linear: Linear; // [D, C h w]

  /**
   * @param path the convolution's name in the checkpoint.
   * @param dtype the model's type, to which latents are cast.
   */
  constructor(weights: WeightBook, path: string, patch: Patch, dtype: DType) {
    this.#patch = patch;
    this.#dtype = dtype;
    this.#linear = new Linear(weights, path);
  }

  /**
   * @param latents [B, C, T, H, W], or one sample that the whole batch shares.
   * @returns tokens in f32, [B, N, D]: all blocks add to them, which in f16 would lose bits each time, or overflow.
   */
  forward(latents: Tensor, grid: Grid, batch: number): Tensor {
    return scope(latents.device, () => {
      const patches = patchify(cast(latents, this.#dtype), grid, this.#patch); // [B, N, C h w]
      const x = this.#linear.forward(patches); // [B, N, D]
      const all = x.shape[0] === batch ? x : concat(new Array<Tensor>(batch).fill(x), { axis: 0 });
      return advance(all, () => cast(all, 'f32'));
    });
  }
}

/** [B, C, T, H, W] to the patches' values [B, N, C h w], t-major: what the 1 x h x w convolution multiplies. */
function patchify(x: Tensor, [T, H, W]: Grid, [, h, w]: Patch): Tensor {
  const [B, C] = x.shape as [number, number];
  const split = x.reshape([B, C, T * H, h, W, w]);
  return permute(split, [0, 2, 4, 1, 3, 5]).reshape([B, T * H * W, C * h * w]);
}

/** Tokens [B, N, h w C] to [B, C, T, H, W]. A token holds its patch in the order (h, w, C). */
export function unpatchify(x: Tensor, [T, H, W]: Grid, [, h, w]: Patch): Tensor {
  const [B, , values] = x.shape as [number, number, number];
  const C = values / (h * w);
  const split = x.reshape([B, T * H, W, h, w, C]);
  return permute(split, [0, 5, 1, 3, 2, 4]).reshape([B, C, T, H * h, W * w]);
}
