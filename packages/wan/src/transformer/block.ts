// One block: self-attention with rotary positions, cross-attention to the text (and, in some models, to an image), FFN; the
// first and the last modulated by the time.
//
// Legend: B batch, N video tokens, D model width, F width of the FFN.

import {
  add,
  advance,
  attention,
  type BlockModulation,
  byRows,
  type Columns,
  chunk,
  columns,
  concat,
  LayerNorm,
  Linear,
  layerNorm,
  type Modulation,
  modulationOf,
  observe,
  observed,
  RMSNorm,
  rmsNorm,
  rmsNormRotary,
  scope,
  slice,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { WanTransformerConfig } from './config.ts';
import { type BlockContext, type BlockKeysValues, byHeads, KeysValues } from './context.ts';

/** Self-attention, cross-attention and FFN. Each takes the norm of its input, and its result is added to the input. */
export class WanBlock {
  readonly #path: string;
  readonly #attention: SelfAttention;
  readonly #crossAttention: CrossAttention;
  readonly #feedForward: FeedForward;
  readonly #keysValues: KeysValues | undefined;

  /** @param path the block's name in the checkpoint, `blocks.{i}`. */
  constructor(weights: WeightBook, path: string, config: WanTransformerConfig) {
    this.#path = path;
    this.#attention = new SelfAttention(weights, path, config);
    this.#crossAttention = new CrossAttention(weights, path, config);
    this.#feedForward = new FeedForward(weights, path, config);
    // Absent in a streamed block, whose context holds keys and values already.
    if (weights.has(`${path}.attn2.to_k.weight`)) this.#keysValues = new KeysValues(weights, path, config);
  }

  /** Keys and values of the text and the image, the same at every step: computed once per video. */
  keysValues(text: Tensor, image: Tensor | undefined): BlockKeysValues {
    if (!this.#keysValues)
      throw new Error('internal: this block was loaded without the weights of keys and values');
    return this.#keysValues.forward(text, image);
  }

  /**
   * @param x [B, N, D] in f32; the block releases it.
   * @param rotary f32 [N, head size].
   * @param tokensAtOnce how many tokens the projections and the FFN take at a time.
   */
  forward(
    x: Tensor,
    modulation: BlockModulation,
    rotary: Tensor,
    context: BlockContext,
    tokensAtOnce: number,
  ): Tensor {
    let h = x; // [B, N, D]
    h = advance(h, () => this.#attention.forward(h, modulation.attention, rotary, tokensAtOnce));
    h = advance(h, () => this.#crossAttention.forward(h, context, tokensAtOnce));
    h = advance(h, () => this.#feedForward.forward(h, modulation.feedForward, tokensAtOnce));
    return observed(this.#path, h); // [B, N, D]
  }
}

/** LayerNorm without weights, modulated: `norm(x) (1 + scale) + shift`. A trace gets the norm alone. */
function modulatedNorm(
  path: string,
  x: Tensor,
  eps: number,
  { shift, scale, early }: Omit<Modulation, 'gate'>,
): Tensor {
  observe(path, () => layerNorm(x, { eps }));
  return layerNorm(x, { eps, shift, scale, early });
}

/** Multi-head attention of the video's tokens to one another. */
class SelfAttention {
  readonly #block: string;
  readonly #heads: number;
  readonly #eps: number;
  readonly #qkv: Linear; // [3D, D]
  readonly #norms: Tensor; // [2, D], of q and k
  readonly #out: Linear; // [D, D]

  constructor(weights: WeightBook, block: string, { numHeads, eps, hiddenSize }: WanTransformerConfig) {
    const path = `${block}.attn1`;
    this.#block = block;
    this.#heads = numHeads;
    this.#eps = eps;
    this.#qkv = new Linear(weights, [`${path}.to_q`, `${path}.to_k`, `${path}.to_v`]);
    this.#norms = weights.replaced([`${path}.norm_q.weight`, `${path}.norm_k.weight`], (both) =>
      concat(both, { axis: 0 }).reshape([2, hiddenSize]),
    );
    this.#out = new Linear(weights, `${path}.to_out.0`, path);
  }

  /** `x + gate attention(norm(x) (1 + scale) + shift)` */
  forward(x: Tensor, modulation: Modulation, rotary: Tensor, tokensAtOnce: number): Tensor {
    const D = x.shape[2]!;
    const attended = scope(x.device, () => {
      const [qk, v] = byRows(x, tokensAtOnce, (rows, item, start) => {
        const n = rows.shape[1]!;
        const own = modulationOf(modulation, item, start, n);
        const normed = modulatedNorm(`${this.#block}.norm1`, rows, this.#eps, own); // [B, n, D]
        const qkv = this.#qkv.forward(normed); // [B, n, 3D]
        this.#observeNorms(qkv);
        const angles = rotary.rows(start, start + n) ?? slice(rotary, { start: [start], end: [start + n] });
        const turned = rmsNormRotary(columns(qkv, 0, 2 * D), {
          weight: this.#norms,
          rotary: angles,
          eps: this.#eps,
        });
        return [turned, columns(qkv, 2 * D, D)];
      }) as [Tensor, Tensor | Columns];
      const [q, k] = chunk(qk, 2); // [B, N, D] each
      for (const [name, part] of Object.entries({ q, k, v })) this.#observe(name, part);
      return attention(q, k, v, { heads: this.#heads }); // [B, N, D]
    });
    const { gate, early } = modulation;
    return this.#out.forward(attended, { residual: x, gate, early });
  }

  /** A trace gets the norms before the rotation, which the kernel does not give. */
  #observeNorms(qkv: Tensor): void {
    const D = qkv.shape[2]! / 3;
    for (const [i, name] of ['norm_q', 'norm_k'].entries())
      observe(`${this.#block}.attn1.${name}`, () => {
        const weight = slice(this.#norms, { start: [i], end: [i + 1] }).reshape([D]);
        return rmsNorm(wholeOf(columns(qkv, i * D, D)), { weight, eps: this.#eps });
      });
  }

  #observe(name: string, part: Tensor | Columns): void {
    observe(`${this.#block}.attn1.${name}`, () => byHeads(wholeOf(part), this.#heads));
  }
}

/** Columns as a tensor of their own. */
function wholeOf(part: Tensor | Columns): Tensor {
  if (!('tensor' in part)) return part;
  const { tensor, start, width } = part;
  const before = tensor.shape.slice(0, -1);
  return slice(tensor, { start: [...before.map(() => 0), start], end: [...before, start + width] });
}

/** Multi-head attention of the video's tokens to the text, and to the image. */
class CrossAttention {
  readonly #path: string;
  readonly #heads: number;
  readonly #norm: LayerNorm;
  readonly #q: Linear; // [D, D]
  readonly #normQ: RMSNorm;
  readonly #out: Linear; // [D, D]

  constructor(weights: WeightBook, block: string, { numHeads, eps }: WanTransformerConfig) {
    const path = `${block}.attn2`;
    this.#path = path;
    this.#heads = numHeads;
    this.#norm = new LayerNorm(weights, `${block}.norm2`, eps);
    this.#q = new Linear(weights, `${path}.to_q`);
    this.#normQ = new RMSNorm(weights, `${path}.norm_q`, eps);
    this.#out = new Linear(weights, `${path}.to_out.0`, path);
  }

  /** `x + attention(norm(x), text)`; attention to the image is added to attention to the text. */
  forward(x: Tensor, context: BlockContext, tokensAtOnce: number): Tensor {
    const heads = this.#heads;
    const { keys, values, rows: keyLengths, bias, imageKeys, imageValues } = context;
    const attended = scope(x.device, () => {
      const [q] = byRows(x, tokensAtOnce, (rows) => [
        this.#normQ.forward(this.#q.forward(this.#norm.forward(rows))),
      ]) as [Tensor]; // [B, N, D]
      observe(`${this.#path}.q`, () => byHeads(q, heads));
      const text = attention(q, keys, values, { heads, keyLengths, bias }); // [B, N, D]
      if (!imageKeys || !imageValues) return text;
      return advance(text, () => add(text, attention(q, imageKeys, imageValues, { heads })));
    });
    return this.#out.forward(attended, { residual: x });
  }
}

/** `net.2(gelu(net.0 x))`, gelu in its tanh form. */
class FeedForward {
  readonly #block: string;
  readonly #eps: number;
  readonly #net0: Linear; // [F, D]
  readonly #net2: Linear; // [D, F]

  constructor(weights: WeightBook, block: string, { eps }: WanTransformerConfig) {
    this.#block = block;
    this.#eps = eps;
    this.#net0 = new Linear(weights, `${block}.ffn.net.0.proj`);
    this.#net2 = new Linear(weights, `${block}.ffn.net.2`, `${block}.ffn`);
  }

  /** `x + gate feedForward(norm(x) (1 + scale) + shift)` */
  forward(x: Tensor, modulation: Modulation, tokensAtOnce: number): Tensor {
    const [result] = byRows(x, tokensAtOnce, (rows, item, start) => {
      const own = modulationOf(modulation, item, start, rows.shape[1]!);
      const normed = modulatedNorm(`${this.#block}.norm3`, rows, this.#eps, own); // [B, n, D]
      const hidden = this.#net0.forward(normed, { activation: 'gelu-tanh' }); // [B, n, F]
      return [this.#net2.forward(hidden, { residual: rows, gate: own.gate, early: own.early })];
    }) as [Tensor];
    return result; // [B, N, D]
  }
}
