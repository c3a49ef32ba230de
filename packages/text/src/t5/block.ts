// One layer of a T5 encoder: self-attention and feed-forward, each on the RMS norm of its input, each added to it.
// No biases, and no scaling of the scores: the weights hold it.
//
// Legend: B texts, L tokens, D model width, I heads x head size, F feed-forward width.

import {
  attention,
  cast,
  chunk,
  Linear,
  mul,
  observed,
  type Packed,
  RMSNorm,
  swiglu,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { T5Config } from './config.ts';
import { PositionBias } from './positions.ts';

/** What every layer is given besides its input. */
export interface T5Shared {
  /** The bucket of each pair of query and key, [L, L]: for layers with a table of their own. */
  readonly buckets: Tensor;
  /** [1, heads, L, L], for layers without one. */
  readonly bias: Tensor | undefined;
  /** [B], u32. */
  readonly keyLengths: Tensor;
}

/** Self-attention, then the feed-forward. */
export class T5Block {
  readonly #path: string;
  readonly #attention: SelfAttention;
  readonly #feedForwardNorm: RMSNorm;
  readonly #feedForward: FeedForward;

  /** @param layer the layer's number; its name in the checkpoint is `encoder.block.{layer}`. */
  constructor(weights: WeightBook, layer: number, config: T5Config) {
    const path = `encoder.block.${layer}`;
    this.#path = path;
    this.#attention = new SelfAttention(weights, layer, `${path}.layer.0`, config);
    this.#feedForwardNorm = new RMSNorm(weights, `${path}.layer.1.layer_norm`, config.normEps);
    this.#feedForward = feedForward(weights, `${path}.layer.1.DenseReluDense`, config);
  }

  /** x [B, L, D] -> [B, L, D] */
  forward(x: Tensor, shared: T5Shared): Tensor {
    const h = this.#attention.forward(x, shared); // [B, L, D]
    const y = this.#feedForward.forward(this.#feedForwardNorm.forward(h), h); // [B, L, D]
    return observed(this.#path, observed(`${this.#path}.layer.1`, y));
  }
}

/** Multi-head attention of a text's tokens to one another. */
class SelfAttention {
  readonly #path: string;
  readonly #heads: number;
  readonly #bias: PositionBias | undefined;
  readonly #norm: RMSNorm;
  readonly #qkv: Linear; // [3I, D]
  readonly #o: Linear; // [D, I]

  constructor(weights: WeightBook, layer: number, path: string, config: T5Config) {
    const { numHeads, normEps, biasPerLayer } = config;
    const attention = `${path}.SelfAttention`;
    this.#path = path;
    this.#heads = numHeads;
    if (biasPerLayer) this.#bias = new PositionBias(weights, layer, `${attention}.position_bias`);
    this.#norm = new RMSNorm(weights, `${path}.layer_norm`, normEps);
    this.#qkv = new Linear(weights, [`${attention}.q`, `${attention}.k`, `${attention}.v`]);
    this.#o = new Linear(weights, `${attention}.o`, attention);
  }

  /** `x + attention(norm(x))` */
  forward(x: Tensor, { buckets, keyLengths, ...shared }: T5Shared): Tensor {
    const bias = this.#bias?.forward(buckets) ?? shared.bias;
    const [q, k, v] = chunk(this.#qkv.forward(this.#norm.forward(x)), 3); // [B, L, I] each
    const attended = attention(q, k, v, { heads: this.#heads, scale: 1, bias, keyLengths }); // [B, L, I]
    return observed(this.#path, this.#o.forward(attended, { residual: x })); // [B, L, D]
  }
}

interface FeedForward {
  /** x [B, L, D] -> [B, L, D], added to `residual`. */
  forward(x: Tensor, residual: Tensor): Tensor;
}

/** `wo act(wi x)`, or gated: `wo (act(wi_0 x) * wi_1 x)`. */
function feedForward(weights: WeightBook, path: string, { activation, gated }: T5Config): FeedForward {
  // The product of gate and value leaves the range of f16, so it stays f32 where `wo` takes that.
  const wide = weights.get(`${path}.wo.weight`).dtype !== 'f16';
  const wo = new Linear(weights, `${path}.wo`, path);
  const over = (hidden: (x: Tensor) => Tensor): FeedForward => ({
    forward: (x, residual) => wo.forward(hidden(x), { residual }),
  });
  if (!gated) {
    const wi = new Linear(weights, `${path}.wi`);
    return over((x) => wi.forward(x, { activation })); // [B, L, F]
  }
  if (activation === 'silu') {
    const both: Packed = weights.packedSwiglu(`${path}.wi_0.weight`, `${path}.wi_1.weight`);
    return over((x) => swiglu(x, both));
  }
  const [gate, value] = [new Linear(weights, `${path}.wi_0`), new Linear(weights, `${path}.wi_1`)];
  return over((x) => {
    const values = value.forward(x); // [B, L, F]
    return mul(gate.forward(x, { activation }), wide ? cast(values, 'f32') : values);
  });
}
