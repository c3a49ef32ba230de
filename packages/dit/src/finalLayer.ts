// The end of the backbone: tokens to the velocity.
//
// Legend: B batch, C channels, T H W latent frames, height, width, D model width, N tokens.

import {
  type Grid,
  Linear,
  type Modulation,
  type Patch,
  RMSNorm,
  type Tensor,
  unpatchify,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';

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
