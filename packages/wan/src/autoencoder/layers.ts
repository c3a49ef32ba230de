// The layers that encoder and decoder share. Each looks back in time only, at frames of the piece at hand and at those that
// `Past` remembers.
//
// Legend: B batch, T H W frames, height, width at the level at hand, C channels. All values are [B, T, H, W, C].

import {
  attention,
  chunk,
  conv3d,
  Linear,
  observe,
  observed,
  type PackedConv,
  rmsNorm,
  scope,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { Past } from './past.ts';
import type { Module } from './plan.ts';

/** A 3x3x3 convolution that sees two frames before each frame and none after it; zeros stand before the first. */
export class CausalConv {
  readonly #path: string;
  readonly #weight: PackedConv; // [out, in, 3, 3, 3]
  readonly #bias: Tensor; // [out]

  constructor(weights: WeightBook, path: string) {
    this.#path = path;
    this.#weight = weights.packedConv(`${path}.weight`, 5);
    this.#bias = weights.get(`${path}.bias`);
  }

  /** The convolution of x, plus `residual`. */
  forward(x: Tensor, past: Past, residual?: Tensor): Tensor {
    observe(this.#path, () => this.#convolved(x, past, undefined));
    const result = this.#convolved(x, past, residual);
    past.remember(this.#path, x, 2);
    return result;
  }

  #convolved(x: Tensor, past: Past, residual: Tensor | undefined): Tensor {
    const before = past.of(this.#path);
    return conv3d(x, this.#weight, {
      layout: 'channels-last',
      bias: this.#bias,
      before,
      residual,
      padding: [
        [2 - (before?.shape[1] ?? 0), 0],
        [1, 1],
        [1, 1],
      ],
    });
  }
}

/** `x / max(|x|, 1e-12) * sqrt(C) * gamma` at every position: an RMS norm whose epsilon acts on vectors of zeros alone. */
export class ChannelNorm {
  readonly #path: string;
  readonly #gamma: Tensor; // [C]

  constructor(weights: WeightBook, path: string) {
    this.#path = path;
    this.#gamma = weights.replaced([`${path}.gamma`], ([gamma]) => gamma!.reshape([gamma!.shape[0]!]));
  }

  forward(x: Tensor): Tensor {
    return observed(this.#path, this.#normalized(x));
  }

  /** SiLU(norm(x)) */
  silu(x: Tensor): Tensor {
    observe(this.#path, () => this.#normalized(x));
    return this.#normalized(x, 'silu');
  }

  #normalized(x: Tensor, activation?: 'silu'): Tensor {
    return rmsNorm(x, { weight: this.#gamma, eps: 1e-24 / x.shape.at(-1)!, activation });
  }
}

/** `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, x through a 1x1x1 convolution where widths differ. */
export class ResidualBlock {
  readonly #path: string;
  readonly #norm1: ChannelNorm;
  readonly #conv1: CausalConv;
  readonly #norm2: ChannelNorm;
  readonly #conv2: CausalConv;
  readonly #shortcut: Linear | undefined;

  constructor(weights: WeightBook, { path, from, to }: Module) {
    this.#path = path;
    this.#norm1 = new ChannelNorm(weights, `${path}.norm1`);
    this.#conv1 = new CausalConv(weights, `${path}.conv1`);
    this.#norm2 = new ChannelNorm(weights, `${path}.norm2`);
    this.#conv2 = new CausalConv(weights, `${path}.conv2`);
    if (from !== to) this.#shortcut = new Linear(weights, `${path}.conv_shortcut`);
  }

  forward(x: Tensor, past: Past): Tensor {
    const h = scope(x.device, () => {
      const normed = scope(x.device, () => this.#conv1.forward(this.#norm1.silu(x), past));
      return this.#norm2.silu(normed);
    });
    if (!this.#shortcut) observe(`${this.#path}.conv_shortcut`, () => x);
    const residual = this.#shortcut?.forward(x) ?? x;
    return observed(this.#path, this.#conv2.forward(h, past, residual));
  }
}

/** Attention over the positions of each frame, one head as wide as the channels, with its own norm and residual. */
export class Attention {
  readonly #path: string;
  readonly #norm: ChannelNorm;
  readonly #qkv: Linear; // [3C, C]
  readonly #proj: Linear; // [C, C]

  constructor(weights: WeightBook, path: string) {
    this.#path = path;
    this.#norm = new ChannelNorm(weights, `${path}.norm`);
    this.#qkv = new Linear(weights, `${path}.to_qkv`);
    this.#proj = new Linear(weights, `${path}.proj`);
  }

  forward(x: Tensor): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const qkv = this.#qkv.forward(this.#norm.forward(x)); // [B, T, H, W, 3C]
    const [q, k, v] = chunk(qkv.reshape([B * T, H * W, 3 * C]), 3);
    const attended = attention(q, k, v, { heads: 1 }).reshape(x.shape);
    return observed(this.#path, this.#proj.forward(attended, { residual: x }));
  }
}
