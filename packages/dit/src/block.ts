// One block of the backbone (Movie Gen section 3.1.3): LLaMa3's, bidirectional, with cross-attention between
// self-attention and FFN, modulated by the flow's time (adaLN). No biases.
//
// Legend: B batch, N video tokens, L text tokens, D model width, F width of the FFN.

import {
  advance,
  attention,
  type BlockModulation,
  byRows,
  type Columns,
  chunk,
  Linear,
  type Modulation,
  modulationOf,
  observed,
  type Packed,
  RMSNorm,
  scope,
  swiglu,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { LayerText } from './context.ts';

/** Self-attention, cross-attention and FFN. Each takes the norm of its input, and its result is added to the input. */
export class DiTBlock {
  readonly #path: string;
  readonly #attention: SelfAttention;
  readonly #crossAttention: CrossAttention;
  readonly #feedForward: FeedForward;

  /** @param path the block's name in the checkpoint, `layers.{i}`. */
  constructor(weights: WeightBook, path: string, config: DiTConfig) {
    this.#path = path;
    this.#attention = new SelfAttention(weights, path, config);
    this.#crossAttention = new CrossAttention(weights, path, config);
    this.#feedForward = new FeedForward(weights, path, config);
  }

  /** Keys and values of the text, the same at every step: computed once per generation. */
  keysValues(text: Tensor): Tensor {
    return this.#crossAttention.keysValues(text);
  }

  /**
   * @param x [B, N, D] in f32, positions added; the block releases it.
   * @param text absent where no sample has any text.
   * @param tokensAtOnce how many tokens the projections and the FFN take at a time.
   */
  forward(x: Tensor, modulation: BlockModulation, text: LayerText | undefined, tokensAtOnce: number): Tensor {
    let h = x; // [B, N, D]
    h = advance(h, () => this.#attention.forward(h, modulation.attention, tokensAtOnce));
    if (text) h = advance(h, () => this.#crossAttention.forward(h, text, tokensAtOnce));
    h = advance(h, () => this.#feedForward.forward(h, modulation.feedForward, tokensAtOnce));
    return observed(this.#path, h); // [B, N, D]
  }
}

/** Multi-head attention of the video's tokens to one another. */
class SelfAttention {
  readonly #heads: number;
  readonly #norm: RMSNorm;
  readonly #qkv: Linear; // [3D, D]
  readonly #wo: Linear; // [D, D]

  constructor(weights: WeightBook, block: string, { numHeads, normEps }: DiTConfig) {
    const path = `${block}.attention`;
    this.#heads = numHeads;
    this.#norm = new RMSNorm(weights, `${block}.attention_norm`, normEps);
    this.#qkv = new Linear(weights, [`${path}.wq`, `${path}.wk`, `${path}.wv`]);
    this.#wo = new Linear(weights, `${path}.wo`, path);
  }

  /** `x + gate attention(norm(x) (1 + scale) + shift)` */
  forward(x: Tensor, modulation: Modulation, tokensAtOnce: number): Tensor {
    const attended = scope(x.device, () => {
      const [q, k, v] = byRows(x, tokensAtOnce, (rows, item, start) => {
        const own = modulationOf(modulation, item, start, rows.shape[1]!);
        const normed = this.#norm.forward(rows, own); // [B, N, D]
        return chunk(this.#qkv.forward(normed), 3);
      }) as [Tensor | Columns, Tensor | Columns, Tensor | Columns];
      return attention(q, k, v, { heads: this.#heads }); // [B, N, D]
    });
    return this.#wo.forward(attended, { residual: x, gate: modulation.gate });
  }
}

/** Multi-head attention of the video's tokens to the text. */
class CrossAttention {
  readonly #heads: number;
  readonly #norm: RMSNorm;
  readonly #wq: Linear; // [D, D]
  readonly #wkv: Linear | undefined; // [2D, D]; absent where the context holds keys and values already
  readonly #wo: Linear; // [D, D]

  constructor(weights: WeightBook, block: string, { numHeads, normEps }: DiTConfig) {
    const path = `${block}.cross_attention`;
    this.#heads = numHeads;
    this.#norm = new RMSNorm(weights, `${block}.cross_attention_norm`, normEps);
    this.#wq = new Linear(weights, `${path}.wq`);
    if (weights.has(`${path}.wk.weight`)) this.#wkv = keysValuesOf(weights, block);
    this.#wo = new Linear(weights, `${path}.wo`, path);
  }

  /** Keys and values of text [B, L, D]. */
  keysValues(text: Tensor): Tensor {
    if (!this.#wkv) throw new Error('internal: this block was loaded without the weights of keys and values');
    return this.#wkv.forward(text); // [B, L, 2D]
  }

  /** `x + attention(norm(x), text)`; a sample without text gets nothing. */
  forward(x: Tensor, { keysValues, lengths }: LayerText, tokensAtOnce: number): Tensor {
    const attended = scope(x.device, () => {
      const [q] = byRows(x, tokensAtOnce, (rows) => [this.#wq.forward(this.#norm.forward(rows))]) as [Tensor];
      const [k, v] = chunk(keysValues, 2); // [B, L, D]
      return attention(q, k, v, { heads: this.#heads, keyLengths: lengths }); // [B, N, D]
    });
    return this.#wo.forward(attended, { residual: x });
  }
}

/** Keys and values of a block's cross-attention in one product, [2D, D]. */
export function keysValuesOf(weights: WeightBook, block: string): Linear {
  return new Linear(weights, [`${block}.cross_attention.wk`, `${block}.cross_attention.wv`]);
}

/** SwiGLU: `w2(silu(w1 x) * w3 x)`. */
class FeedForward {
  readonly #norm: RMSNorm;
  readonly #w13: Packed; // two of [F, D]
  readonly #w2: Linear; // [D, F]

  constructor(weights: WeightBook, block: string, { normEps }: DiTConfig) {
    const path = `${block}.feed_forward`;
    this.#norm = new RMSNorm(weights, `${block}.ffn_norm`, normEps);
    this.#w13 = weights.packedSwiglu(`${path}.w1.weight`, `${path}.w3.weight`);
    this.#w2 = new Linear(weights, `${path}.w2`, path);
  }

  /** `x + gate feedForward(norm(x) (1 + scale) + shift)` */
  forward(x: Tensor, modulation: Modulation, tokensAtOnce: number): Tensor {
    const [result] = byRows(x, tokensAtOnce, (rows, item, start) => {
      const own = modulationOf(modulation, item, start, rows.shape[1]!);
      const hidden = swiglu(this.#norm.forward(rows, own), this.#w13); // [B, N, F]
      return [this.#w2.forward(hidden, { residual: rows, gate: own.gate })];
    }) as [Tensor];
    return result; // [B, N, D]
  }
}
