// One layer of CLIP's text tower: causal self-attention and feed-forward, each on the layer norm of its input, each
// added to it.
//
// Legend: B texts, L tokens, D model width, F feed-forward width.

import {
  attention,
  columns,
  concat,
  layerNorm,
  linear,
  type Packed,
  slice,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { Note } from '../trace.ts';
import type { ClipTextConfig } from './config.ts';

/** A linear map and its bias. */
interface Affine {
  readonly weight: Packed;
  readonly bias: Tensor;
}

/** A layer norm's weight and bias. */
export interface Norm {
  readonly weight: Tensor; // [D]
  readonly bias: Tensor; // [D]
  readonly eps: number;
}

export class ClipBlock {
  private readonly norm1: Norm;
  private readonly qkv: Affine; // [3D, D]
  private readonly out: Affine; // [D, D]
  private readonly norm2: Norm;
  private readonly fc1: Affine; // [F, D]
  private readonly fc2: Affine; // [D, F]

  /** @param path the layer's name in the checkpoint, `encoder.layers.{i}`. */
  constructor(
    weights: WeightBook,
    path: string,
    private readonly config: ClipTextConfig,
  ) {
    const affine = (...names: string[]) => ({
      weight: weights.packed(...names.map((name) => `${path}.${name}.weight`)),
      bias: weights.replaced(
        names.map((name) => `${path}.${name}.bias`),
        (biases) => concat(biases, { axis: 0 }),
      ),
    });
    this.norm1 = normOf(weights, `${path}.layer_norm1`, config);
    this.qkv = affine('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    this.out = affine('self_attn.out_proj');
    this.norm2 = normOf(weights, `${path}.layer_norm2`, config);
    this.fc1 = affine('mlp.fc1');
    this.fc2 = affine('mlp.fc2');
  }

  /** x [B, L, D] -> [B, L, D]; `keyLengths` [B], u32. */
  forward(x: Tensor, keyLengths: Tensor, note: Note): Tensor {
    const h = this.attend(x, keyLengths, note);
    const normed = layerNorm(h, this.norm2);
    note('layer_norm2', () => normed);
    const { activation } = this.config;
    note('mlp.fc1', () => linear(normed, this.fc1.weight, { bias: this.fc1.bias }));
    const hidden = linear(normed, this.fc1.weight, { bias: this.fc1.bias, activation }); // [B, L, F]
    note('mlp.activation_fn', () => hidden);
    for (const name of ['mlp.fc2', 'mlp'])
      note(name, () => linear(hidden, this.fc2.weight, { bias: this.fc2.bias }));
    const y = linear(hidden, this.fc2.weight, { bias: this.fc2.bias, residual: h });
    note('', () => y);
    return y;
  }

  private attend(x: Tensor, keyLengths: Tensor, note: Note): Tensor {
    const { numHeads: heads, hiddenSize: D } = this.config;
    const [B = 0, L = 0] = x.shape;
    const normed = layerNorm(x, this.norm1);
    note('layer_norm1', () => normed);
    const qkv = linear(normed, this.qkv.weight, { bias: this.qkv.bias }); // [B, L, 3D]
    for (const [i, name] of ['q_proj', 'k_proj', 'v_proj'].entries()) {
      note(`self_attn.${name}`, () => slice(qkv, { start: [0, 0, i * D], end: [B, L, (i + 1) * D] }));
    }
    const [q, k, v] = [columns(qkv, 0, D), columns(qkv, D, D), columns(qkv, 2 * D, D)];
    const a = attention(q, k, v, { heads, causal: true, keyLengths }); // [B, L, D]
    for (const name of ['self_attn.out_proj', 'self_attn']) {
      note(name, () => linear(a, this.out.weight, { bias: this.out.bias }));
    }
    return linear(a, this.out.weight, { bias: this.out.bias, residual: x });
  }
}

/** The layer norm of a name in the checkpoint. */
export function normOf(weights: WeightBook, path: string, { normEps }: ClipTextConfig): Norm {
  return { weight: weights.get(`${path}.weight`), bias: weights.get(`${path}.bias`), eps: normEps };
}
