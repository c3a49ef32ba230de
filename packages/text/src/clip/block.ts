// One layer of a CLIP tower: self-attention and feed-forward, each on the layer norm of its input, each added to it.
//
// Legend: B texts or pictures, L tokens, D model width, F feed-forward width.

import {
  attention,
  chunk,
  LayerNorm,
  Linear,
  observed,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { ClipBlockConfig } from './config.ts';

/** Self-attention, then the feed-forward. */
export class ClipBlock {
  readonly #path: string;
  readonly #config: ClipBlockConfig;
  readonly #norm1: LayerNorm;
  readonly #qkv: Linear; // [3D, D]
  readonly #out: Linear; // [D, D]
  readonly #norm2: LayerNorm;
  readonly #fc1: Linear; // [F, D]
  readonly #fc2: Linear; // [D, F]

  /** @param path the layer's name in the checkpoint, `encoder.layers.{i}`. */
  constructor(weights: WeightBook, path: string, config: ClipBlockConfig) {
    const attention = `${path}.self_attn`;
    this.#path = path;
    this.#config = config;
    this.#norm1 = new LayerNorm(weights, `${path}.layer_norm1`, config.normEps);
    this.#qkv = new Linear(weights, [`${attention}.q_proj`, `${attention}.k_proj`, `${attention}.v_proj`]);
    this.#out = new Linear(weights, `${attention}.out_proj`, attention);
    this.#norm2 = new LayerNorm(weights, `${path}.layer_norm2`, config.normEps);
    this.#fc1 = new Linear(weights, `${path}.mlp.fc1`);
    this.#fc2 = new Linear(weights, `${path}.mlp.fc2`, `${path}.mlp`);
  }

  /**
   * x [B, L, D] -> [B, L, D].
   * @param keyLengths [B], u32, of texts: a token sees itself and those before it. In a picture each patch sees all.
   */
  forward(x: Tensor, keyLengths?: Tensor): Tensor {
    const { numHeads: heads, activation } = this.#config;
    const [q, k, v] = chunk(this.#qkv.forward(this.#norm1.forward(x)), 3); // [B, L, D] each
    const attended = attention(q, k, v, {
      heads,
      ...(keyLengths && { causal: true, keyLengths }),
    }); // [B, L, D]
    const h = this.#out.forward(attended, { residual: x }); // [B, L, D]
    const hidden = this.#fc1.forward(this.#norm2.forward(h), { activation }); // [B, L, F]
    const mlp = observed(`${this.#path}.mlp.activation_fn`, hidden);
    return observed(this.#path, this.#fc2.forward(mlp, { residual: h })); // [B, L, D]
  }
}
