// What the cross-attention of every block needs of a video's text and image: keys and values, which depend on neither time
// nor noise, so that they are computed once per video and prompt.
//
// The model attends to all of the text's rows, zeros included, and all zero rows are one row after the embedder. One stands
// for the `zeros` of them: ln(zeros) added to its score gives it their weight in the softmax.
//
// Legend: B prompts, L rows of text, D model width.

import { Linear, observe, RMSNorm, Tensor, type WeightBook } from '@moviegen/tensor';
import type { EmbeddedConditions } from './conditions.ts';
import type { WanTransformerConfig } from './config.ts';

/** Keys and values of one block. */
export interface BlockKeysValues {
  /** [B, L, D], as the others. */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Of the image's tokens. */
  readonly imageKeys?: Tensor | undefined;
  readonly imageValues?: Tensor | undefined;
}

/** What one block is given. */
export interface BlockContext extends BlockKeysValues {
  /** u32 [B]: rows that are attended to. */
  readonly rows: Tensor;
  /** `[B, 1, 1, L]`: what is added to the scores; absent where no prompt has zero rows. */
  readonly bias: Tensor | undefined;
}

/** The text and the image of one video, as all blocks need them. */
export interface WanContext {
  /** B. */
  readonly batch: number;
  /** One per block. */
  readonly blocks: readonly BlockContext[];
  /** Releases it. */
  dispose(): void;
}

/** The maps of a block's cross-attention that meet the text and the image. */
export class KeysValues {
  readonly #path: string;
  readonly #heads: number;
  readonly #k: Linear; // [D, D], as the others
  readonly #v: Linear;
  readonly #norm: RMSNorm;
  readonly #image: { readonly k: Linear; readonly v: Linear; readonly norm: RMSNorm } | undefined;

  /** @param block the block's name in the checkpoint. */
  constructor(weights: WeightBook, block: string, { numHeads, eps, imageDim }: WanTransformerConfig) {
    const path = `${block}.attn2`;
    this.#path = path;
    this.#heads = numHeads;
    this.#k = new Linear(weights, `${path}.to_k`);
    this.#v = new Linear(weights, `${path}.to_v`);
    this.#norm = new RMSNorm(weights, `${path}.norm_k`, eps);
    if (imageDim !== undefined)
      this.#image = {
        k: new Linear(weights, `${path}.add_k_proj`),
        v: new Linear(weights, `${path}.add_v_proj`),
        norm: new RMSNorm(weights, `${path}.norm_added_k`, eps),
      };
  }

  /** @param image [B, tokens, D]; only where the model has an image embedder. */
  forward(text: Tensor, image: Tensor | undefined): BlockKeysValues {
    const keys = this.#norm.forward(this.#k.forward(text)); // [B, L, D]
    const values = this.#v.forward(text);
    this.#observe('k', keys);
    this.#observe('v', values);
    if (!this.#image || !image) return { keys, values };
    const imageKeys = this.#image.norm.forward(this.#image.k.forward(image)); // [B, tokens, D]
    const imageValues = this.#image.v.forward(image);
    this.#observe('k_img', imageKeys);
    this.#observe('v_img', imageValues);
    return { keys, values, imageKeys, imageValues };
  }

  #observe(name: string, x: Tensor): void {
    observe(`${this.#path}.${name}`, () => byHeads(x, this.#heads));
  }
}

/** [B, L, D] as [B, L, heads, D / heads]: the shape in which a trace gets queries, keys and values. */
export const byHeads = (x: Tensor, heads: number): Tensor =>
  x.reshape([...x.shape.slice(0, -1), heads, x.shape.at(-1)! / heads]);

/** @param blocks keys and values of every block, which the context owns. */
export function contextOf(
  { text, rows, zeros }: EmbeddedConditions,
  blocks: readonly BlockKeysValues[],
): WanContext {
  const { device, dtype } = text;
  const [B, L] = text.shape as [number, number];
  const shared = {
    rows: Tensor.from(device, Uint32Array.from(rows)),
    bias: zeros.some((count) => count > 1) ? zeroBias(B, L) : undefined,
  };
  function zeroBias(B: number, L: number): Tensor {
    const bias = new Float32Array(B * L);
    for (const [b, count] of zeros.entries()) if (count > 0) bias[b * L + rows[b]! - 1] = Math.log(count);
    return Tensor.from(device, bias, [B, 1, 1, L], { dtype });
  }
  return {
    batch: B,
    blocks: blocks.map((block) => ({ ...block, ...shared })),
    dispose: () => {
      for (const tensor of [...blocks.flatMap((block) => Object.values(block)), ...Object.values(shared)])
        tensor?.dispose();
    },
  };
}
