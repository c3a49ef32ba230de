// One layer of the backbone (Movie Gen section 3.1.3): LLaMa3's, bidirectional, with cross-attention between
// self-attention and FFN, modulated by the flow's time (adaLN). No biases.
//
// Legend: B batch, N video tokens, L text tokens, D model width.

import {
  add,
  advance,
  attention,
  columns,
  linear,
  type Packed,
  rmsNorm,
  slice,
  swiglu,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { LayerText } from './context.ts';
import type { Modulation } from './modulation.ts';
import type { Note } from './trace.ts';

/** `x + gate_a SelfAttention(...)`, `x + CrossAttention(...)`, `x + gate_f SwiGLU(...)`. */
export class DiTBlock {
  private readonly eps: number;
  private readonly attentionNorm: Tensor; // [D]
  private readonly attention: SelfAttention;
  private readonly crossAttentionNorm: Tensor; // [D]
  private readonly crossAttention: CrossAttention;
  private readonly ffnNorm: Tensor; // [D]
  private readonly feedForward: FeedForward;

  /** @param path the layer's name in the checkpoint, `layers.{i}`. */
  constructor(weights: WeightBook, path: string, config: DiTConfig) {
    this.eps = config.normEps;
    this.attentionNorm = weights.get(`${path}.attention_norm.weight`);
    this.attention = new SelfAttention(weights, `${path}.attention`, config.numHeads);
    this.crossAttentionNorm = weights.get(`${path}.cross_attention_norm.weight`);
    this.crossAttention = new CrossAttention(weights, `${path}.cross_attention`, config.numHeads);
    this.ffnNorm = weights.get(`${path}.ffn_norm.weight`);
    this.feedForward = new FeedForward(weights, `${path}.feed_forward`);
  }

  /** Keys and values of the text, the same at every step: computed once a generation. */
  keysValues(text: Tensor): Tensor {
    return this.crossAttention.keysValues(text);
  }

  /**
   * @param x [B, N, D], positions not yet added.
   * @param positions [N, D], added before every layer and kept in the residual.
   * @param text absent where no sample has any text.
   */
  forward(
    x: Tensor,
    positions: Tensor,
    attend: Modulation,
    feed: Modulation,
    text: LayerText | undefined,
    note: Note,
  ): Tensor {
    const { eps } = this;
    const norm = (h: Tensor, weight: Tensor, modulation?: Modulation) =>
      rmsNorm(h, { weight, eps, shift: modulation?.shift, scale: modulation?.scale });

    let h = add(x, positions); // [B, N, D]
    note('attention_norm', () => norm(h, this.attentionNorm));
    h = advance(h, () => this.attention.forward(norm(h, this.attentionNorm, attend), h, attend.gate, note));
    note('cross_attention_norm', () => norm(h, this.crossAttentionNorm));
    if (text)
      h = advance(h, () => this.crossAttention.forward(norm(h, this.crossAttentionNorm), h, text, note));
    note('ffn_norm', () => norm(h, this.ffnNorm));
    h = advance(h, () => this.feedForward.forward(norm(h, this.ffnNorm, feed), h, feed.gate, note));
    note('', () => h);
    return h; // [B, N, D]
  }
}

/** Multi-head attention of the video's tokens to one another. */
class SelfAttention {
  private readonly qkv: Packed; // [3D, D]
  private readonly wo: Packed; // [D, D]

  constructor(
    weights: WeightBook,
    path: string,
    private readonly heads: number,
  ) {
    this.qkv = weights.packed(`${path}.wq.weight`, `${path}.wk.weight`, `${path}.wv.weight`);
    this.wo = weights.packed(`${path}.wo.weight`);
  }

  /** `residual + gate * attention(x)` */
  forward(x: Tensor, residual: Tensor, gate: Tensor, note: Note): Tensor {
    const D = x.shape[2]!;
    const qkv = linear(x, this.qkv); // [B, N, 3D]
    ['wq', 'wk', 'wv'].forEach((name, i) => {
      note(`attention.${name}`, () => lastAxis(qkv, i * D, D));
    });
    const [q, k, v] = [columns(qkv, 0, D), columns(qkv, D, D), columns(qkv, 2 * D, D)];
    const attended = attention(q, k, v, { heads: this.heads }); // [B, N, D]
    for (const name of ['attention.wo', 'attention']) note(name, () => linear(attended, this.wo));
    return linear(attended, this.wo, { residual, gate });
  }
}

/** Multi-head attention of the video's tokens to the text. */
class CrossAttention {
  private readonly wq: Packed; // [D, D]
  private readonly kv: Packed; // [2D, D]
  private readonly wo: Packed; // [D, D]

  constructor(
    weights: WeightBook,
    path: string,
    private readonly heads: number,
  ) {
    this.wq = weights.packed(`${path}.wq.weight`);
    this.kv = weights.packed(`${path}.wk.weight`, `${path}.wv.weight`);
    this.wo = weights.packed(`${path}.wo.weight`);
  }

  /** Keys and values of text [B, L, D]. */
  keysValues(text: Tensor): Tensor {
    return linear(text, this.kv); // [B, L, 2D]
  }

  /** `residual + attention(x, text)`; a sample without text gets nothing. */
  forward(x: Tensor, residual: Tensor, { keysValues, lengths }: LayerText, note: Note): Tensor {
    const D = x.shape[2]!;
    const q = linear(x, this.wq); // [B, N, D]
    note('cross_attention.wq', () => q);
    const [k, v] = [columns(keysValues, 0, D), columns(keysValues, D, D)];
    const attended = attention(q, k, v, { heads: this.heads, keyLengths: lengths }); // [B, N, D]
    for (const name of ['cross_attention.wo', 'cross_attention']) note(name, () => linear(attended, this.wo));
    return linear(attended, this.wo, { residual });
  }
}

/** SwiGLU: `w2(silu(w1 x) * w3 x)`. */
class FeedForward {
  private readonly w13: Packed; // two of [F, D]
  private readonly w2: Packed; // [D, F]

  constructor(weights: WeightBook, path: string) {
    this.w13 = weights.packedSwiglu(`${path}.w1.weight`, `${path}.w3.weight`);
    this.w2 = weights.packed(`${path}.w2.weight`);
  }

  /** `residual + gate * feedForward(x)` */
  forward(x: Tensor, residual: Tensor, gate: Tensor, note: Note): Tensor {
    const hidden = swiglu(x, this.w13); // [B, N, F]
    for (const name of ['feed_forward.w2', 'feed_forward']) note(name, () => linear(hidden, this.w2));
    return linear(hidden, this.w2, { residual, gate });
  }
}

const lastAxis = (t: Tensor, start: number, width: number): Tensor =>
  slice(t, {
    start: t.shape.map((_, axis) => (axis === t.shape.length - 1 ? start : 0)),
    end: t.shape.map((size, axis) => (axis === t.shape.length - 1 ? start + width : size)),
  });
