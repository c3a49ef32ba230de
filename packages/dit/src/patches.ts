// The two ends of the backbone: latents to tokens, and tokens to the velocity. A token is a patch of 1 x h x w latent
// positions.
//
// Legend: B batch, C channels, T H W latent frames, height, width, D model width, N tokens.

import {
  advance,
  cast,
  concat,
  type DType,
  Linear,
  permute,
  RMSNorm,
  scope,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { Modulation } from './modulation.ts';
import type { Grid } from './positions.ts';

type Patch = readonly [t: number, h: number, w: number];

/** The 1 x h x w convolution with its kernel as its stride: it equals a linear map of patches, and runs as one. */
export class PatchEmbed {
  readonly #patch: Patch;
  readonly #dtype: DType;
  readonly #linear: Linear; // [D, C h w]

  /** @param dtype the model's type, to which latents are cast. */
  constructor(weights: WeightBook, { patchSize }: DiTConfig, dtype: DType) {
    this.#patch = patchSize;
    this.#dtype = dtype;
    this.#linear = new Linear(weights, 'patch_embed');
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

/** Norm, adaLN and the linear map to the values of a patch. */
export class FinalLayer {
  readonly #patch: Patch;
  readonly #norm: RMSNorm;
  readonly #output: Linear; // [h w C, D]

  constructor(weights: WeightBook, { patchSize, normEps }: DiTConfig) {
    this.#patch = patchSize;
    this.#norm = new RMSNorm(weights, 'norm', normEps);
    this.#output = new Linear(weights, 'output');
  }

  /** x [B, N, D] to the velocity [B, C, T, H, W]. */
  forward(x: Tensor, modulation: Omit<Modulation, 'gate'>, grid: Grid): Tensor {
    const values = this.#output.forward(this.#norm.forward(x, modulation)); // [B, N, h w C]
    return unpatchify(values, grid, this.#patch);
  }
}

/** [B, C, T, H, W] to the patches' values [B, N, C h w], t-major: what the 1 x h x w convolution multiplies. */
function patchify(x: Tensor, [T, H, W]: Grid, [, h, w]: Patch): Tensor {
  const [B, C] = x.shape as [number, number];
  const split = x.reshape([B, C, T * H, h, W, w]);
  return permute(split, [0, 2, 4, 1, 3, 5]).reshape([B, T * H * W, C * h * w]);
}

/** Tokens [B, N, h w C] to [B, C, T, H, W]. A token holds its patch in the order (h, w, C). */
function unpatchify(x: Tensor, [T, H, W]: Grid, [, h, w]: Patch): Tensor {
  const [B, , values] = x.shape as [number, number, number];
  const C = values / (h * w);
  const split = x.reshape([B, T * H, W, h, w, C]);
  return permute(split, [0, 5, 1, 3, 2, 4]).reshape([B, C, T, H * h, W * w]);
}
