// The layers that encoder and decoder share: the layers of Latent Diffusion's image autoencoder, inflated (Movie Gen section
// 3.1.1). An image's layers treat each frame of a video as an image; only the temporal companions see T.
//
// Legend: B batch, T H W frames, height, width at the level at hand, C channels. All values are [B, T, H, W, C].

import {
  attention,
  chunk,
  concat,
  conv2d,
  conv3d,
  groupNorm,
  Linear,
  observe,
  observed,
  type PackedConv,
  permute,
  scope,
  slice,
  type Tensor,
  upsampleNearest,
  type WeightBook,
} from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';

/** Group normalization's epsilon in the base autoencoder. */
const EPS = 1e-6;

/** How a convolution changes the resolution: `down` halves it, `up` doubles it, in space and, where temporal, in time. */
export type Step = 'none' | 'down' | 'up';

/** A 3x3 convolution and its temporal companion; without weights of its own the companion is the identity. */
export class InflatedConv {
  readonly #path: string;
  readonly #config: TAEConfig;
  readonly #step: Step;
  readonly #spatial: PackedConv; // [out, in, 3, 3]
  readonly #bias: Tensor; // [out]
  readonly #temporal: PackedConv | undefined; // [out, out, 3, 1, 1]
  readonly #temporalBias: Tensor | undefined; // [out]

  constructor(weights: WeightBook, path: string, config: TAEConfig, step: Step = 'none') {
    this.#path = path;
    this.#config = config;
    this.#step = step;
    this.#spatial = weights.packedConv(`${path}.weight`, 4);
    this.#bias = weights.get(`${path}.bias`);
    if (!weights.has(`${path}.temporal.weight`)) return;
    this.#temporal = weights.packedConv(`${path}.temporal.weight`, 5);
    this.#temporalBias = weights.get(`${path}.temporal.bias`);
  }

  /** The convolution of x, plus `residual`. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    observe(`${this.#path}.spatial`, () => this.#alongSpace(x, undefined));
    observe(this.#path, () => this.#convolved(x, undefined));
    return this.#convolved(x, residual);
  }

  #convolved(x: Tensor, residual: Tensor | undefined): Tensor {
    if (this.#temporal) return this.#alongBoth(x, this.#temporal, residual);
    return this.#framesDoubled(this.#alongSpace(this.#framesKept(x), residual));
  }

  #alongSpace(x: Tensor, residual: Tensor | undefined): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const h = conv2d(x.reshape([B * T, H, W, C]), this.#spatial, {
      layout: 'channels-last',
      bias: this.#bias,
      residual: residual?.reshape([B * T, ...residual.shape.slice(2)]),
      padding: this.#padding,
      ...(this.#step === 'down' && { stride: 2 }),
      ...(this.#step === 'up' && { upsample: [2, 2] }),
    });
    return h.reshape([B, T, ...h.shape.slice(1)]);
  }

  #alongBoth(x: Tensor, temporal: PackedConv, residual: Tensor | undefined): Tensor {
    return scope(x.device, () =>
      conv3d(this.#alongSpace(x, undefined), temporal, {
        layout: 'channels-last',
        bias: this.#temporalBias,
        residual,
        padding: [1, 0, 0],
        paddingMode: 'replicate',
        ...(this.#step === 'down' && { stride: [2, 1, 1] }),
        ...(this.#step === 'up' && { upsample: [2, 1, 1] }),
      }),
    );
  }

  get #padding(): number | [number, number][] {
    if (this.#step !== 'down') return 1;
    return [
      [0, 1],
      [0, 1],
    ];
  }

  /** Before an identity of stride 2 every second frame is as good as all of them. */
  #framesKept(x: Tensor): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    if (this.#temporal || this.#step !== 'down' || !this.#config.temporal || T === 1) return x;
    const even = T % 2 === 0 ? x : concat([x, slice(x, { start: [0, T - 1], end: [B, T] })], { axis: 1 });
    const pairs = even.reshape([B, Math.ceil(T / 2), 2 * H * W * C]);
    return slice(pairs, { start: [0, 0, 0], end: [B, pairs.shape[1]!, H * W * C] }).reshape([B, -1, H, W, C]);
  }

  /** An identity after nearest upsampling in time repeats each frame. */
  #framesDoubled(x: Tensor): Tensor {
    if (this.#step !== 'up' || !this.#config.temporal) return x;
    return upsampleNearest(x, { scale: [2, 1, 1], layout: 'channels-last' });
  }
}

/** `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, x through a 1x1 convolution where widths differ. */
export class ResnetBlock {
  readonly #path: string;
  readonly #norm1: GroupNorm;
  readonly #conv1: InflatedConv;
  readonly #norm2: GroupNorm;
  readonly #conv2: InflatedConv;
  readonly #shortcut: Linear | undefined;

  constructor(weights: WeightBook, path: string, config: TAEConfig) {
    this.#path = path;
    this.#norm1 = new GroupNorm(weights, `${path}.norm1`, config);
    this.#conv1 = new InflatedConv(weights, `${path}.conv1`, config);
    this.#norm2 = new GroupNorm(weights, `${path}.norm2`, config);
    this.#conv2 = new InflatedConv(weights, `${path}.conv2`, config);
    const shortcut = `${path}.conv_shortcut`;
    if (weights.has(`${shortcut}.weight`)) this.#shortcut = new Linear(weights, shortcut);
  }

  forward(x: Tensor): Tensor {
    const h = scope(x.device, () => this.#conv1.forward(this.#norm1.silu(x)));
    const residual = this.#shortcut?.forward(x) ?? x;
    return observed(this.#path, this.#conv2.forward(this.#norm2.silu(h), residual));
  }
}

/** Group normalization of each frame: T counts as batch, so that an image and a frame are treated alike. */
export class GroupNorm {
  readonly #path: string;
  readonly #weight: Tensor; // [C]
  readonly #bias: Tensor; // [C]
  readonly #groups: number;

  constructor(weights: WeightBook, path: string, config: TAEConfig) {
    this.#path = path;
    this.#weight = weights.get(`${path}.weight`);
    this.#bias = weights.get(`${path}.bias`);
    this.#groups = config.normNumGroups;
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
    const [B, T, ...rest] = x.shape as [number, number, ...number[]];
    const normed = groupNorm(x.reshape([B * T, ...rest]), {
      groups: this.#groups,
      weight: this.#weight,
      bias: this.#bias,
      eps: EPS,
      activation,
      layout: 'channels-last',
    });
    return normed.reshape(x.shape);
  }
}

/** Single-head attention with its own norm and residual: over the positions of a frame, or over T at a position. */
export class Attention {
  readonly #path: string;
  readonly #over: 'space' | 'time';
  readonly #norm: GroupNorm;
  readonly #qkv: Linear; // [3C, C]
  readonly #out: Linear; // [C, C]

  constructor(weights: WeightBook, path: string, over: 'space' | 'time', config: TAEConfig) {
    this.#path = path;
    this.#over = over;
    this.#norm = new GroupNorm(weights, `${path}.group_norm`, config);
    this.#qkv = new Linear(weights, [`${path}.to_q`, `${path}.to_k`, `${path}.to_v`]);
    this.#out = new Linear(weights, `${path}.to_out.0`);
  }

  forward(x: Tensor): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const qkv = this.#qkv.forward(this.#norm.forward(x)); // [B, T, H, W, 3C]
    const attended =
      this.#over === 'space'
        ? attend(qkv.reshape([B * T, H * W, 3 * C]))
        : timeLast(attend(timeFirst(qkv)), [B, T, H, W, C]);
    return observed(this.#path, this.#out.forward(attended.reshape(x.shape), { residual: x }));
  }
}

/** [N, L, 3C], q, k and v side by side, to [N, L, C]; scale 1 / sqrt(C). */
function attend(qkv: Tensor): Tensor {
  const [q, k, v] = chunk(qkv, 3);
  return attention(q, k, v, { heads: 1 });
}

/** [B, T, H, W, C] to [(B H W), T, C]. */
function timeFirst(x: Tensor): Tensor {
  const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
  if (T === 1) return x.reshape([B * H * W, 1, C]);
  return permute(x.reshape([B, T, H * W, C]), [0, 2, 1, 3]).reshape([B * H * W, T, C]);
}

/** [(B H W), T, C] to [B, T, H, W, C]. */
function timeLast(x: Tensor, shape: readonly [number, number, number, number, number]): Tensor {
  const [B, T, H, W, C] = shape;
  if (T === 1) return x.reshape(shape);
  return permute(x.reshape([B, H * W, T, C]), [0, 2, 1, 3]).reshape(shape);
}
