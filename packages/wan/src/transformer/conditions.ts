// What a prompt and an image become before the blocks: the text embedder and the image embedder of `condition_embedder`.
//
// Legend: B prompts, L rows of text, D model width.

import { show } from '@moviegen/kernels';
import {
  add,
  cast,
  concat,
  type DType,
  embedding,
  LayerNorm,
  Linear,
  type PaddedStates,
  Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { WanTransformerConfig } from './config.ts';

/** What the transformer is told of a video. */
export interface WanConditions extends PaddedStates {
  /**
   * How many rows of text the model attends to: rows beyond a prompt's length are zeros. Default 512, with which the
   * published models were trained.
   */
  readonly textLength?: number | undefined;
  /**
   * The image encoder's states, [B or 1, tokens, `imageDim`]: only for models with an image embedder, which need them. With
   * `posEmbedTokens`, the first and the last image's rows follow one another, also as [2B or 2, tokens / 2, `imageDim`].
   */
  readonly image?: Tensor | undefined;
}

/** Conditions in the model's width. */
export interface EmbeddedConditions {
  /** [B, L, D]: each prompt's rows, then, unless it fills all of `textLength`, one row that stands for all zero rows. */
  readonly text: Tensor;
  /** Rows of each prompt that are attended to, the row of zeros among them. */
  readonly rows: readonly number[];
  /** For how many rows each prompt's row of zeros stands; 0 where there is none. */
  readonly zeros: readonly number[];
  /** [B, tokens, D]. */
  readonly image: Tensor | undefined;
}

/** `condition_embedder.text_embedder` and `.image_embedder`. */
export class ConditionEmbedder {
  readonly #config: WanTransformerConfig;
  readonly #dtype: DType;
  readonly #text1: Linear; // [D, textDim]
  readonly #text2: Linear; // [D, D]
  readonly #image: ImageEmbedder | undefined;

  /** @param dtype the model's type, to which states are cast. */
  constructor(weights: WeightBook, config: WanTransformerConfig, dtype: DType) {
    const path = 'condition_embedder.text_embedder';
    this.#config = config;
    this.#dtype = dtype;
    this.#text1 = new Linear(weights, `${path}.linear_1`);
    this.#text2 = new Linear(weights, `${path}.linear_2`, path);
    if (config.imageDim !== undefined) this.#image = new ImageEmbedder(weights, config);
  }

  /** @throws Error where states, lengths and image do not fit the model, or one another. */
  forward(given: WanConditions): EmbeddedConditions {
    check(given, this.#config);
    const { states, lengths, textLength = 512, image } = given;
    const [B, rows, width] = states.shape as [number, number, number];
    const zeros = lengths.map((length) => textLength - length);
    const L = Math.max(...lengths.map((length) => Math.min(length + 1, textLength)));
    const order = new Uint32Array(B * L).fill(B * rows); // a row past the table: zeros
    for (const [b, length] of lengths.entries())
      for (let i = 0; i < length; i++) order[b * L + i] = b * rows + i;
    const ids = Tensor.from(states.device, order, [B, L]);
    const padded = embedding(cast(states, this.#dtype).reshape([B * rows, width]), ids); // [B, L, textDim]
    const text = this.#text2.forward(this.#text1.forward(padded, { activation: 'gelu-tanh' })); // [B, L, D]
    return {
      text,
      rows: lengths.map((length) => Math.min(length + 1, textLength)),
      zeros,
      image: image && this.#image!.forward(cast(image, this.#dtype), B), // [B, tokens, D]
    };
  }
}

/** LayerNorm, two linear maps and LayerNorm; for two images with positions before them. */
class ImageEmbedder {
  readonly #norm1: LayerNorm;
  readonly #net0: Linear; // [imageDim, imageDim]
  readonly #net2: Linear; // [D, imageDim]
  readonly #norm2: LayerNorm;
  readonly #positions: Tensor | undefined; // [1, tokens, imageDim]

  constructor(weights: WeightBook, { posEmbedTokens }: WanTransformerConfig) {
    const path = 'condition_embedder.image_embedder';
    this.#norm1 = new LayerNorm(weights, `${path}.norm1`, 1e-5);
    this.#net0 = new Linear(weights, `${path}.ff.net.0.proj`);
    this.#net2 = new Linear(weights, `${path}.ff.net.2`, `${path}.ff`);
    this.#norm2 = new LayerNorm(weights, `${path}.norm2`, 1e-5, path);
    if (posEmbedTokens !== undefined) this.#positions = weights.get(`${path}.pos_embed`);
  }

  /** @param B prompts; one image is shared by all. */
  forward(image: Tensor, B: number): Tensor {
    const positions = this.#positions;
    const x = positions ? add(image.reshape([-1, ...positions.shape.slice(1)]), positions) : image;
    const hidden = this.#net0.forward(this.#norm1.forward(x), { activation: 'gelu' });
    const embedded = this.#norm2.forward(this.#net2.forward(hidden)); // [B or 1, tokens, D]
    if (embedded.shape[0] === B) return embedded;
    return concat(new Array<Tensor>(B).fill(embedded), { axis: 0 });
  }
}

function check(
  { states, lengths, textLength = 512, image }: WanConditions,
  config: WanTransformerConfig,
): void {
  const { textDim, imageDim, posEmbedTokens } = config;
  const [B = 0, rows = 0, width] = states.shape;
  if (states.rank !== 3 || width !== textDim || B < 1)
    throw new Error(`wan: text states must be [B, n, ${textDim}], got ${show(states.shape)}`);
  if (!Number.isInteger(textLength) || textLength < 1)
    throw new Error(`wan: textLength must be an integer from 1, got ${textLength}`);
  const most = Math.min(rows, textLength);
  if (
    lengths.length !== B ||
    lengths.some((length) => !Number.isInteger(length) || length < 0 || length > most)
  )
    throw new Error(`wan: lengths must be ${B} integers from 0 to ${most}, got ${show(lengths)}`);
  if ((image === undefined) !== (imageDim === undefined))
    throw new Error(
      image
        ? 'wan: this model takes no image states: its config has no image_dim'
        : `wan: this model needs the image encoder's states, [B, tokens, ${imageDim}]: its config has an image_dim`,
    );
  if (!image) return;
  const count = image.size / imageDim!;
  const tokens = posEmbedTokens ?? image.shape[1]!;
  const images = count / tokens;
  if (image.rank !== 3 || image.shape[2] !== imageDim || (images !== B && images !== 1))
    throw new Error(
      `wan: image states must be [${B} or 1, ${posEmbedTokens ?? 'tokens'}, ${imageDim}], got ${show(image.shape)}`,
    );
}
