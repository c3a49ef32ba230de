// The two ends of the backbone: latents to tokens, and tokens to the velocity. A token is a patch of 1 x h x w latent
// positions.
//
// Legend: B batch, C channels, T H W latent frames, height, width, D model width, N tokens.

import {
  add,
  advance,
  cast,
  concat,
  type DType,
  Linear,
  linear,
  observed,
  type Packed,
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
  readonly #linear: Linear | undefined; // [D, C h w]
  /** The same cut in two where the model is given more than X_t: of the latents, of what is given. */
  readonly #parts: { readonly latents: Packed; readonly given: Packed; readonly bias: Tensor } | undefined;

  /** @param dtype the model's type, to which latents are cast. */
  constructor(weights: WeightBook, { patchSize, conditioning, outChannels }: DiTConfig, dtype: DType) {
    this.#patch = patchSize;
    this.#dtype = dtype;
    if (conditioning === undefined) this.#linear = new Linear(weights, 'patch_embed');
    else {
      const [latents, given] = weights.packedInTwo('patch_embed.weight', outChannels);
      this.#parts = { latents, given, bias: weights.get('patch_embed.bias') };
    }
  }

  /** The part of the tokens of what is given, which is the same at every step: [B, K, T, H, W] to [B, N, D] in f32. */
  given(given: Tensor, grid: Grid): Tensor {
    if (!this.#parts) throw new Error('internal: this model is given nothing');
    const patches = patchify(cast(given, this.#dtype), grid, this.#patch);
    return cast(linear(patches, this.#parts.given), 'f32');
  }

  /**
   * @param latents [B, C, T, H, W], or one sample that the whole batch shares.
   * @param given its tokens' part, [B, N, D] or one sample for all.
   * @returns tokens in f32, [B, N, D]: all blocks add to them, which in f16 would lose bits each time, or overflow.
   */
  forward(latents: Tensor, grid: Grid, batch: number, given?: Tensor): Tensor {
    return scope(latents.device, () => {
      const patches = patchify(cast(latents, this.#dtype), grid, this.#patch); // [B, N, C h w]
      const parts = this.#parts;
      const x = parts ? linear(patches, parts.latents, parts) : this.#linear!.forward(patches); // [B, N, D]
      const all = x.shape[0] === batch ? x : concat(new Array<Tensor>(batch).fill(x), { axis: 0 });
      const tokens = advance(all, () => cast(all, 'f32'));
      const whole = given ? advance(tokens, () => add(tokens, given)) : tokens;
      return parts ? observed('patch_embed', whole) : whole;
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
