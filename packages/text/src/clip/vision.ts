// CLIP's image tower (Radford et al. 2021), a ViT: pictures to one state per patch and one of the whole picture. Not here:
// pixels from files, and their resizing (ImageModel in moviegen).
//
// Legend: B pictures, S pixels of a side, P pixels of a patch's side, G = S / P patches along a side, N = G G patches,
// D model width, E width of the space that both towers share.

import {
  add,
  advance,
  cast,
  concat,
  type Device,
  LayerNorm,
  Linear,
  loadWeights,
  observed,
  permute,
  scope,
  slice,
  type Tensor,
  type Trace,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { isLinearWeight } from '../linearWeights.ts';
import type { LoadOptions } from '../t5/t5.ts';
import { ClipBlock } from './block.ts';
import { type ClipVisionConfig, clipVisionWeightShapes, patchesOf } from './config.ts';

const PREFIX = 'vision_model.';
const PROJECTION = 'visual_projection.weight';

/** What a file holds besides the tower: a buffer in old files, the projection, and a whole CLIP model's text tower. */
const isBeside = (name: string): boolean =>
  name.endsWith('embeddings.position_ids') ||
  /^(text_model\.|(visual|text)_projection\.|logit_scale$)/.test(name);

/** What other models read of pictures. The caller owns all of it. */
export interface ClipVisionFeatures {
  /** [B, 1 + N, D]: the state of the class token, then of every patch, row by row; not normed; transformers' `last_hidden_state`. */
  readonly states: Tensor;
  /** [B, 1 + N, D]: what the last layer is given; transformers' `hidden_states[-2]`. */
  readonly penultimate: Tensor;
  /** [B, D]: the state of the class token after `post_layernorm`; transformers' `pooler_output`. */
  readonly pooled: Tensor;
  /** [B, E]: the pooled state projected, where the file has the projection; transformers' `image_embeds`. */
  readonly projected: Tensor | undefined;
}

/**
 * A CLIP image tower.
 *
 * ```ts
 * const tower = await ClipVisionModel.load(device, source, parseClipVisionConfig(json));
 * const { states, pooled } = tower.features(pixels);      // [B, 1 + N, D], [B, D]
 * ```
 */
export class ClipVisionModel {
  readonly device: Device;
  readonly config: ClipVisionConfig;
  readonly #weights: WeightBook;
  readonly #patch: Linear; // [D, 3 P P]
  readonly #classToken: Tensor; // [D]
  readonly #positions: Tensor; // [1 + N, D], the class token's first
  readonly #preNorm: LayerNorm;
  readonly #blocks: readonly ClipBlock[];
  readonly #postNorm: LayerNorm;
  readonly #projection: Linear | undefined; // [E, D]

  /**
   * @param weights every tensor of `ClipVisionModel.weightShapes(config)` and, where there is one, `visual_projection.weight`,
   *   on the device; the tower owns them from here on.
   */
  constructor(device: Device, config: ClipVisionConfig, weights: Readonly<Record<string, Tensor>>) {
    const projection = weights[PROJECTION];
    const book = new WeightBook('clip', weights, {
      ...clipVisionWeightShapes(config),
      ...(projection && { [PROJECTION]: [projection.shape[0]!, config.hiddenSize] }),
    });
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.#patch = new Linear(book, 'embeddings.patch_embedding');
    this.#classToken = book.get('embeddings.class_embedding');
    this.#positions = book.get('embeddings.position_embedding.weight');
    this.#preNorm = new LayerNorm(book, 'pre_layrnorm', config.normEps);
    this.#blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new ClipBlock(book, `encoder.layers.${i}`, config),
    );
    this.#postNorm = new LayerNorm(book, 'post_layernorm', config.normEps);
    this.#projection = projection && new Linear(book, 'visual_projection');
  }

  /** Shape of every weight by its name in the checkpoint, without the prefix `vision_model.` and the projection. */
  static weightShapes(config: ClipVisionConfig): Record<string, readonly number[]> {
    return clipVisionWeightShapes(config);
  }

  /**
   * Loads the weights as transformers saves them: of a CLIPVisionModel (with the prefix `vision_model.` or without), with or
   * without projection, or the tower out of a whole CLIPModel.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: ClipVisionConfig,
    options: LoadOptions = {},
  ): Promise<ClipVisionModel> {
    const prefix = source.names().some((name) => name.startsWith(PREFIX)) ? PREFIX : '';
    const tower = await loadWeights(device, source, clipVisionWeightShapes(config), {
      ...options,
      prefix,
      ignore: isBeside,
      linear: isLinearWeight,
    });
    if (!source.names().includes(PROJECTION)) return new ClipVisionModel(device, config, tower);
    try {
      const { dtype, signal } = options;
      const shapes = { [PROJECTION]: [source.shape(PROJECTION)[0] ?? 0, config.hiddenSize] };
      const only = { ...(dtype && { dtype }), ...(signal && { signal }), ignore: () => true };
      const projection = await loadWeights(device, source, shapes, only);
      return new ClipVisionModel(device, config, { ...tower, ...projection });
    } catch (error) {
      for (const tensor of Object.values(tower)) tensor.dispose();
      throw error;
    }
  }

  /**
   * The states of pictures.
   * @param pixels [B, 3, S, S], normalised as the tower's `preprocessor_config.json` says
   * @throws Error where the pictures have another size than the tower's.
   */
  features(pixels: Tensor, { trace }: { readonly trace?: Trace } = {}): ClipVisionFeatures {
    const { hiddenSize: D } = this.config;
    const B = this.#checked('features', pixels);
    const pass = (): ClipVisionFeatures => {
      const penultimate = this.#penultimate(pixels); //                                      [B, 1 + N, D]
      const states = this.#blocks.at(-1)!.forward(penultimate); //                           [B, 1 + N, D]
      const first = slice(states, { start: [0, 0, 0], end: [B, 1, D] }).reshape([B, D]);
      const pooled = this.#postNorm.forward(first); //                                       [B, D]
      return { states, penultimate, pooled, projected: this.#projection?.forward(pooled) };
    };
    return scope(this.device, () => traced(trace, pass));
  }

  /**
   * What Movie Gen's transformer reads of pictures: the states of all tokens after `post_layernorm`.
   * @param pixels as for `features`
   * @returns [B, 1 + N, D], which the caller owns
   * @throws Error where the pictures have another size than the tower's.
   */
  tokens(pixels: Tensor, { trace }: { readonly trace?: Trace } = {}): Tensor {
    this.#checked('tokens', pixels);
    const pass = () => this.#postNorm.forward(this.#blocks.at(-1)!.forward(this.#penultimate(pixels)));
    return scope(this.device, () => traced(trace, pass));
  }

  /** B. */
  #checked(op: string, { shape: [B = 0, ...shape] }: Tensor): number {
    const S = this.config.imageSize;
    if (B > 0 && shape.join() === [3, S, S].join()) return B;
    throw new Error(
      `clip.${op}: expected pictures of [B, 3, ${S}, ${S}], got [${[B, ...shape].join(', ')}]: resize and crop them`,
    );
  }

  /** What the last layer is given, [B, 1 + N, D]. */
  #penultimate(pixels: Tensor): Tensor {
    const embedded = this.#embedded(pixels);
    let x = advance(embedded, () => this.#preNorm.forward(embedded));
    for (const block of this.#blocks.slice(0, -1)) x = advance(x, () => block.forward(x));
    return x;
  }

  /** The class token and the patches with their positions, [B, 1 + N, D], f32: the stream to which all layers add. */
  #embedded(pixels: Tensor): Tensor {
    const { config, device } = this;
    const [B, , S] = pixels.shape as [number, number, number];
    const [P, G, D] = [config.patchSize, patchesOf(config), config.hiddenSize];
    return scope(device, () => {
      const whole = G * P === S ? pixels : slice(pixels, { start: [0, 0, 0, 0], end: [B, 3, G * P, G * P] });
      const grid = cast(whole, this.#classToken.dtype).reshape([B, 3, G, P, G, P]);
      const patches = permute(grid, [0, 2, 4, 1, 3, 5]).reshape([B, G * G, 3 * P * P]);
      const words = cast(this.#patch.forward(patches), 'f32'); //                            [B, N, D]
      const token = cast(this.#classToken, 'f32').reshape([1, 1, D]);
      const tokens = concat(new Array<Tensor>(B).fill(token), { axis: 0 }); //               [B, 1, D]
      const all = add(concat([tokens, words], { axis: 1 }), this.#positions);
      return observed('embeddings', all);
    });
  }

  /** Releases the weights. */
  dispose(): void {
    this.#weights.dispose();
  }
}
