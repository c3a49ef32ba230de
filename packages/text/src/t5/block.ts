// One layer of T5's encoder: self-attention and feed-forward, each on the RMS norm of its input, each added to it.
// No biases, and no scaling of the scores: the weights hold it.
//
// Legend: B texts, L tokens, D model width, I heads x head size, F feed-forward width.

import {
  attention,
  columns,
  linear,
  mul,
  type Packed,
  rmsNorm,
  slice,
  swiglu,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { Note } from '../trace.ts';
import type { T5Config } from './config.ts';

/** What every layer is given besides its input. */
export interface T5Shared {
  /** [1, heads, L, L]. */
  readonly bias: Tensor;
  /** [B], u32. */
  readonly keyLengths: Tensor;
}

export class T5Block {
  private readonly attentionNorm: Tensor; // [D]
  private readonly qkv: Packed; // [3I, D]
  private readonly o: Packed; // [D, I]
  private readonly feedForwardNorm: Tensor; // [D]
  private readonly feedForward: FeedForward;

  /** @param path the layer's name in the checkpoint, `encoder.block.{i}`. */
  constructor(
    weights: WeightBook,
    path: string,
    private readonly config: T5Config,
  ) {
    const attention = `${path}.layer.0.SelfAttention`;
    this.attentionNorm = weights.get(`${path}.layer.0.layer_norm.weight`);
    this.qkv = weights.packed(`${attention}.q.weight`, `${attention}.k.weight`, `${attention}.v.weight`);
    this.o = weights.packed(`${attention}.o.weight`);
    this.feedForwardNorm = weights.get(`${path}.layer.1.layer_norm.weight`);
    this.feedForward = feedForward(weights, `${path}.layer.1.DenseReluDense`, config);
  }

  /** x [B, L, D] -> [B, L, D] */
  forward(x: Tensor, shared: T5Shared, note: Note): Tensor {
    const { normEps: eps } = this.config;
    const h = this.attend(x, shared, note);
    note('layer.0', () => h);
    const normed = rmsNorm(h, { weight: this.feedForwardNorm, eps });
    note('layer.1.layer_norm', () => normed);
    const y = this.feedForward.forward(normed, h, (name, value) =>
      note(`layer.1.DenseReluDense${name}`, value),
    );
    note('layer.1', () => y);
    note('', () => y);
    return y;
  }

  private attend(x: Tensor, { bias, keyLengths }: T5Shared, note: Note): Tensor {
    const { numHeads: heads, headSize, normEps: eps } = this.config;
    const I = heads * headSize;
    const normed = rmsNorm(x, { weight: this.attentionNorm, eps });
    note('layer.0.layer_norm', () => normed);
    const qkv = linear(normed, this.qkv); // [B, L, 3I]
    for (const [i, name] of ['q', 'k', 'v'].entries()) {
      note(`layer.0.SelfAttention.${name}`, () => columnsOf(qkv, i * I, I));
    }
    const [q, k, v] = [columns(qkv, 0, I), columns(qkv, I, I), columns(qkv, 2 * I, I)];
    const a = attention(q, k, v, { heads, scale: 1, bias, keyLengths }); // [B, L, I]
    note('layer.0.SelfAttention.o', () => linear(a, this.o));
    note('layer.0.SelfAttention', () => linear(a, this.o));
    return linear(a, this.o, { residual: x });
  }
}

interface FeedForward {
  /** x [B, L, D], added to `residual`; notes' names begin with a dot, or are empty. */
  forward(x: Tensor, residual: Tensor, note: Note): Tensor;
}

/** `wo act(wi x)`, or gated: `wo (act(wi_0 x) * wi_1 x)`. */
function feedForward(weights: WeightBook, path: string, { activation, gated }: T5Config): FeedForward {
  const wo = weights.packed(`${path}.wo.weight`);
  const finish = (hidden: Tensor, residual: Tensor, note: Note) => {
    note('.wo', () => linear(hidden, wo));
    note('', () => linear(hidden, wo));
    return linear(hidden, wo, { residual });
  };
  if (!gated) {
    const wi = weights.packed(`${path}.wi.weight`);
    return {
      forward(x, residual, note) {
        note('.wi', () => linear(x, wi));
        return finish(linear(x, wi, { activation }), residual, note);
      },
    };
  }
  const [gate, value] = [`${path}.wi_0.weight`, `${path}.wi_1.weight`];
  if (activation === 'silu') {
    const both = weights.packedSwiglu(gate, value);
    return { forward: (x, residual, note) => finish(swiglu(x, both), residual, note) };
  }
  const [w0, w1] = [weights.packed(gate), weights.packed(value)];
  return {
    forward(x, residual, note) {
      note('.wi_0', () => linear(x, w0));
      const values = linear(x, w1); // [B, L, F]
      note('.wi_1', () => values);
      return finish(mul(linear(x, w0, { activation }), values), residual, note);
    },
  };
}

/** A copy of columns of the last axis. */
function columnsOf(x: Tensor, start: number, width: number): Tensor {
  const [B = 0, L = 0] = x.shape;
  return slice(x, { start: [0, 0, start], end: [B, L, start + width] });
}
