// Latents of a diffusion transformer as tokens, and back. A token is a patch of 1 x h x w latent positions. Not here: what a
// model does with its tokens.
//
// Legend: B batch, C channels, T H W latent frames, height, width, D model width, N tokens.

import { type DType, show } from '@moviegen/kernels';
import { advance, scope } from './device/scope.ts';
import { Linear } from './layers.ts';
import { add } from './ops/arithmetic.ts';
import { cast } from './ops/cast.ts';
import { linear } from './ops/linear.ts';
import { concat, permute } from './ops/movement.ts';
import type { Packed } from './ops/pack.ts';
import type { Tensor } from './tensor.ts';
import { observed } from './trace.ts';
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
  readonly #path: string;
  readonly #patch: Patch;
  readonly #dtype: DType;
  readonly #linear: Linear | undefined; // [D, C h w]
  /** The same cut in two where the model is given more than latents: of the latents, of what is given. */
  readonly #parts: { readonly latents: Packed; readonly given: Packed; readonly bias: Tensor } | undefined;

  /**
   * @param path the convolution's name in the checkpoint.
   * @param dtype the model's type, to which latents are cast.
   * @param latentChannels where the weight has more channels: those of the latents, which come first. What is given in the others
   *   is the same at every step, and embedded once.
   */
  constructor(weights: WeightBook, path: string, patch: Patch, dtype: DType, latentChannels?: number) {
    this.#path = path;
    this.#patch = patch;
    this.#dtype = dtype;
    if (latentChannels === undefined) this.#linear = new Linear(weights, path);
    else {
      const [latents, given] = weights.packedInTwo(`${path}.weight`, latentChannels);
      this.#parts = { latents, given, bias: weights.get(`${path}.bias`) };
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
      return parts ? observed(this.#path, whole) : whole;
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
