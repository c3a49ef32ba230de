// One layer of the backbone (Movie Gen section 3.1.3): LLaMa3's, bidirectional, with cross-attention between
// self-attention and FFN, modulated by the flow's time (adaLN). No biases.
//
// Legend: B batch, N video tokens, L text tokens, D model width.

import {
  advance,
  attention,
  byRows,
  type Columns,
  columns,
  linear,
  type Packed,
  rmsNorm,
  scope,
  slice,
  swiglu,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { LayerText } from './context.ts';
import { type Modulation, modulationOf } from './modulation.ts';
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
   * @param x [B, N, D] in f32, positions added; it is used up.
   * @param text absent where no sample has any text.
   * @param tokens how many of them the projections and the FFN take at a time.
   */
  forward(
    x: Tensor,
    attend: Modulation,
    feed: Modulation,
    text: LayerText | undefined,
    tokens: number,
    note: Note,
  ): Tensor {
    const { eps } = this;
    const norm = (h: Tensor, weight: Tensor, modulation?: Modulation) =>
      rmsNorm(h, { weight, eps, shift: modulation?.shift, scale: modulation?.scale });
    const attended = (h: Tensor, m: Modulation) => norm(h, this.attentionNorm, m);
    const crossed = (h: Tensor) => norm(h, this.crossAttentionNorm);
    const fed = (h: Tensor, m: Modulation) => norm(h, this.ffnNorm, m);

    let h = x; // [B, N, D]
    note('attention_norm', () => norm(h, this.attentionNorm));
    h = advance(h, () => this.attention.forward(h, attended, attend, tokens, note));
    note('cross_attention_norm', () => crossed(h));
    if (text) h = advance(h, () => this.crossAttention.forward(h, crossed, text, tokens, note));
    note('ffn_norm', () => norm(h, this.ffnNorm));
    h = advance(h, () => this.feedForward.forward(h, fed, feed, tokens, note));
    note('', () => h);
    return h; // [B, N, D]
  }
}

/** The norm before a branch, of some of its tokens. */
type Norm = (h: Tensor, modulation: Modulation) => Tensor;

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

  /** `h + gate * attention(norm(h))` */
  forward(h: Tensor, norm: Norm, modulation: Modulation, tokens: number, note: Note): Tensor {
    const D = h.shape[2]!;
    const attended = scope(h.device, () => {
      const [q, k, v] = byRows(h, tokens, (rows, item) => {
        const qkv = linear(norm(rows, modulationOf(modulation, item)), this.qkv); // [B, N, 3D]
        return [columns(qkv, 0, D), columns(qkv, D, D), columns(qkv, 2 * D, D)];
      }) as [Tensor | Columns, Tensor | Columns, Tensor | Columns];
      for (const [name, value] of Object.entries({ wq: q, wk: k, wv: v }))
        note(`attention.${name}`, () => asTensor(value));
      return attention(q, k, v, { heads: this.heads }); // [B, N, D]
    });
    for (const name of ['attention.wo', 'attention']) note(name, () => linear(attended, this.wo));
    return linear(attended, this.wo, { residual: h, gate: modulation.gate });
  }
}

/** Multi-head attention of the video's tokens to the text. */
class CrossAttention {
  private readonly wq: Packed; // [D, D]
  private readonly kv: Packed | undefined; // [2D, D]; not there in a layer that is streamed
  private readonly wo: Packed; // [D, D]

  constructor(
    weights: WeightBook,
    path: string,
    private readonly heads: number,
  ) {
    this.wq = weights.packed(`${path}.wq.weight`);
    if (weights.has(`${path}.wk.weight`)) this.kv = weights.packed(`${path}.wk.weight`, `${path}.wv.weight`);
    this.wo = weights.packed(`${path}.wo.weight`);
  }

  /** Keys and values of text [B, L, D]. */
  keysValues(text: Tensor): Tensor {
    if (!this.kv) throw new Error('internal: keys and values of a streamed layer');
    return linear(text, this.kv); // [B, L, 2D]
  }

  /** `h + attention(norm(h), text)`; a sample without text gets nothing. */
  forward(
    h: Tensor,
    norm: (h: Tensor) => Tensor,
    { keysValues, lengths }: LayerText,
    tokens: number,
    note: Note,
  ): Tensor {
    const D = h.shape[2]!;
    const attended = scope(h.device, () => {
      const [q] = byRows(h, tokens, (rows) => [linear(norm(rows), this.wq)]) as [Tensor]; // [B, N, D]
      note('cross_attention.wq', () => q);
      const [k, v] = [columns(keysValues, 0, D), columns(keysValues, D, D)];
      return attention(q, k, v, { heads: this.heads, keyLengths: lengths }); // [B, N, D]
    });
    for (const name of ['cross_attention.wo', 'cross_attention']) note(name, () => linear(attended, this.wo));
    return linear(attended, this.wo, { residual: h });
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

  /** `h + gate * feedForward(norm(h))` */
  forward(h: Tensor, norm: Norm, modulation: Modulation, tokens: number, note: Note): Tensor {
    for (const name of ['feed_forward.w2', 'feed_forward'])
      note(name, () => linear(swiglu(norm(h, modulation), this.w13), this.w2));
    const [next] = byRows(h, tokens, (rows, item) => {
      const of = modulationOf(modulation, item);
      const hidden = swiglu(norm(rows, of), this.w13); // [B, N, F]
      return [linear(hidden, this.w2, { residual: rows, gate: of.gate })];
    }) as [Tensor];
    return next; // [B, N, D]
  }
}

/** Columns as a tensor of their own. */
function asTensor(value: Tensor | Columns): Tensor {
  if (!('tensor' in value)) return value;
  const { tensor, start, width } = value;
  return lastAxis(tensor, start, width);
}

const lastAxis = (t: Tensor, start: number, width: number): Tensor =>
  slice(t, {
    start: t.shape.map((_, axis) => (axis === t.shape.length - 1 ? start : 0)),
    end: t.shape.map((size, axis) => (axis === t.shape.length - 1 ? start + width : size)),
  });
