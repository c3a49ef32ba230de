// The layers that encoder and decoder share: those of the image autoencoder of Latent Diffusion, inflated (Movie Gen
// section 3.1.1). An image's layers treat each frame of a video as an image; only the temporal companions see T.
//
// Legend: B batch, T H W frames, height, width at the level at hand, C channels. All values are [B, T, H, W, C].

import {
  attention,
  columns,
  concat,
  conv2d,
  conv3d,
  groupNorm,
  linear,
  type Packed,
  type PackedConv,
  permute,
  scope,
  slice,
  type Tensor,
  upsampleNearest,
  type WeightBook,
} from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';
import type { Note } from './trace.ts';

/** Group normalization's epsilon, that of the base autoencoder. */
const EPS = 1e-6;

/** How a convolution changes the resolution: `down` halves it, `up` doubles it, in space and, where temporal, in time. */
export type Step = 'none' | 'down' | 'up';

/** A 3x3 convolution and its temporal companion; without weights of its own the companion is the identity. */
export class InflatedConv {
  private readonly spatial: PackedConv; // [out, in, 3, 3]
  private readonly bias: Tensor; // [out]
  private readonly temporal: PackedConv | undefined; // [out, out, 3, 1, 1]
  private readonly temporalBias: Tensor | undefined; // [out]

  constructor(
    weights: WeightBook,
    private readonly path: string,
    private readonly config: TAEConfig,
    private readonly step: Step = 'none',
  ) {
    this.spatial = weights.packedConv(`${path}.weight`, 4);
    this.bias = weights.get(`${path}.bias`);
    if (!weights.has(`${path}.temporal.weight`)) return;
    this.temporal = weights.packedConv(`${path}.temporal.weight`, 5);
    this.temporalBias = weights.get(`${path}.temporal.bias`);
  }

  /** The convolution of x, plus `residual`. */
  forward(x: Tensor, note: Note, residual?: Tensor): Tensor {
    note(`${this.path}.spatial`, () => this.alongSpace(x, undefined));
    const result = this.temporal
      ? this.alongBoth(x, this.temporal, residual)
      : this.framesDoubled(this.alongSpace(this.framesKept(x), residual));
    note(this.path, () => (residual ? this.forward(x, () => {}) : result));
    return result;
  }

  private alongSpace(x: Tensor, residual: Tensor | undefined): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const h = conv2d(x.reshape([B * T, H, W, C]), this.spatial, {
      layout: 'channels-last',
      bias: this.bias,
      residual: residual?.reshape([B * T, ...residual.shape.slice(2)]),
      padding: this.padding,
      ...(this.step === 'down' && { stride: 2 }),
      ...(this.step === 'up' && { upsample: [2, 2] }),
    });
    return h.reshape([B, T, ...h.shape.slice(1)]);
  }

  private alongBoth(x: Tensor, temporal: PackedConv, residual: Tensor | undefined): Tensor {
    return scope(x.device, () =>
      conv3d(this.alongSpace(x, undefined), temporal, {
        layout: 'channels-last',
        bias: this.temporalBias,
        residual,
        padding: [1, 0, 0],
        paddingMode: 'replicate',
        ...(this.step === 'down' && { stride: [2, 1, 1] }),
        ...(this.step === 'up' && { upsample: [2, 1, 1] }),
      }),
    );
  }

  private get padding(): number | [number, number][] {
    if (this.step !== 'down') return 1;
    return [
      [0, 1],
      [0, 1],
    ];
  }

  /** Before an identity of stride 2 every second frame is as good as all of them. */
  private framesKept(x: Tensor): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    if (this.temporal || this.step !== 'down' || !this.config.temporal || T === 1) return x;
    const even = T % 2 === 0 ? x : concat([x, slice(x, { start: [0, T - 1], end: [B, T] })], { axis: 1 });
    const pairs = even.reshape([B, Math.ceil(T / 2), 2 * H * W * C]);
    return slice(pairs, { start: [0, 0, 0], end: [B, pairs.shape[1]!, H * W * C] }).reshape([B, -1, H, W, C]);
  }

  /** An identity after nearest upsampling in time repeats each frame. */
  private framesDoubled(x: Tensor): Tensor {
    if (this.step !== 'up' || !this.config.temporal) return x;
    return upsampleNearest(x, { scale: [2, 1, 1], layout: 'channels-last' });
  }
}

/** `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, x through a 1x1 convolution where widths differ. */
export class ResnetBlock {
  private readonly norm1: GroupNorm;
  private readonly conv1: InflatedConv;
  private readonly norm2: GroupNorm;
  private readonly conv2: InflatedConv;
  private readonly shortcut: { readonly weight: Packed; readonly bias: Tensor } | undefined;

  constructor(
    weights: WeightBook,
    private readonly path: string,
    config: TAEConfig,
  ) {
    this.norm1 = new GroupNorm(weights, `${path}.norm1`, config);
    this.conv1 = new InflatedConv(weights, `${path}.conv1`, config);
    this.norm2 = new GroupNorm(weights, `${path}.norm2`, config);
    this.conv2 = new InflatedConv(weights, `${path}.conv2`, config);
    const shortcut = `${path}.conv_shortcut`;
    if (weights.has(`${shortcut}.weight`))
      this.shortcut = { weight: weights.packed(`${shortcut}.weight`), bias: weights.get(`${shortcut}.bias`) };
  }

  forward(x: Tensor, note: Note): Tensor {
    const { path, shortcut } = this;
    const first = scope(x.device, () => this.conv1.forward(this.norm1.silu(x), note));
    const residual = shortcut ? linear(x, shortcut.weight, { bias: shortcut.bias }) : x;
    if (shortcut) note(`${path}.conv_shortcut`, () => residual);
    const result = this.conv2.forward(this.norm2.silu(first), note, residual);
    note(path, () => result);
    return result;
  }
}

/** Group normalization of each frame: T counts as batch, so that an image and a frame are treated alike. */
export class GroupNorm {
  private readonly weight: Tensor; // [C]
  private readonly bias: Tensor; // [C]
  private readonly groups: number;

  constructor(weights: WeightBook, path: string, config: TAEConfig) {
    this.weight = weights.get(`${path}.weight`);
    this.bias = weights.get(`${path}.bias`);
    this.groups = config.normNumGroups;
  }

  forward(x: Tensor, activation?: 'silu'): Tensor {
    const [B, T, ...rest] = x.shape as [number, number, ...number[]];
    const { weight, bias, groups } = this;
    const options = { groups, weight, bias, eps: EPS, activation, layout: 'channels-last' } as const;
    return groupNorm(x.reshape([B * T, ...rest]), options).reshape(x.shape);
  }

  /** SiLU(norm(x)) */
  silu(x: Tensor): Tensor {
    return this.forward(x, 'silu');
  }
}

/** Single-head attention with its own norm and residual: over the positions of a frame, or over T at a position. */
export class Attention {
  private readonly norm: GroupNorm;
  private readonly qkv: Packed; // [3C, C]
  private readonly qkvBias: Tensor; // [3C]
  private readonly out: Packed; // [C, C]
  private readonly outBias: Tensor; // [C]

  constructor(
    weights: WeightBook,
    private readonly path: string,
    private readonly over: 'space' | 'time',
    config: TAEConfig,
  ) {
    const three = (part: string) => ['to_q', 'to_k', 'to_v'].map((name) => `${path}.${name}.${part}`);
    this.norm = new GroupNorm(weights, `${path}.group_norm`, config);
    this.qkv = weights.packed(...three('weight'));
    this.qkvBias = weights.replaced(three('bias'), (biases) => concat(biases, { axis: 0 }));
    this.out = weights.packed(`${path}.to_out.0.weight`);
    this.outBias = weights.get(`${path}.to_out.0.bias`);
  }

  forward(x: Tensor, note: Note): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const normed = this.norm.forward(x);
    note(`${this.path}.group_norm`, () => normed);
    const qkv = linear(normed, this.qkv, { bias: this.qkvBias }); // [B, T, H, W, 3C]
    const attended =
      this.over === 'space'
        ? attend(qkv.reshape([B * T, H * W, 3 * C]))
        : timeLast(attend(timeFirst(qkv)), [B, T, H, W, C]);
    const result = linear(attended.reshape(x.shape), this.out, { bias: this.outBias, residual: x });
    note(this.path, () => result);
    return result;
  }
}

/** [N, L, 3C], q, k and v side by side, to [N, L, C]; scale 1 / sqrt(C). */
function attend(qkv: Tensor): Tensor {
  const C = qkv.shape[2]! / 3;
  return attention(columns(qkv, 0, C), columns(qkv, C, C), columns(qkv, 2 * C, C), { heads: 1 });
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
