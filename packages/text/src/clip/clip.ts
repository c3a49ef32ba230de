// CLIP's text tower (Radford et al. 2021), also with more positions than 77 (the long-prompt MetaCLIP): texts as token
// ids to one state per token, after the final norm. Not here: the pooled state, the projection, the image tower.

import {
  add,
  advance,
  cast,
  type Device,
  embedding,
  LayerNorm,
  loadWeights,
  observed,
  type PaddedStates,
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
import { tokenBatch } from '../tokenBatch.ts';
import { ClipBlock } from './block.ts';
import { type ClipTextConfig, clipWeightShapes } from './config.ts';

/** What a file holds beside the tower: a buffer in old files, and what follows the tower. */
const BESIDE = new Set([
  'embeddings.position_ids',
  'text_projection.weight',
  'text_projection',
  'logit_scale',
]);

/**
 * A CLIP text tower.
 *
 * ```ts
 * const clip = await ClipTextModel.load(device, source, parseClipTextConfig(json));
 * const { states } = clip.forward([[49406, 320, 49407]]);      // [1, 3, D]
 * ```
 */
export class ClipTextModel {
  readonly device: Device;
  readonly config: ClipTextConfig;
  readonly #weights: WeightBook;
  readonly #tokens: Tensor; // [vocabulary, D]
  readonly #positions: Tensor; // [positions, D]
  readonly #blocks: readonly ClipBlock[];
  readonly #finalNorm: LayerNorm;

  /** @param weights those of `ClipTextModel.weightShapes(config)`, on the device; they are the tower's from here on. */
  constructor(device: Device, config: ClipTextConfig, weights: Readonly<Record<string, Tensor>>) {
    const book = new WeightBook('clip', weights, clipWeightShapes(config));
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.#tokens = book.get('embeddings.token_embedding.weight');
    this.#positions = book.get('embeddings.position_embedding.weight');
    this.#blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new ClipBlock(book, `encoder.layers.${i}`, config),
    );
    this.#finalNorm = new LayerNorm(book, 'final_layer_norm', config.normEps);
  }

  /** Shape of every weight by its name in the checkpoint, without the prefix `text_model.`. */
  static weightShapes(config: ClipTextConfig): Record<string, readonly number[]> {
    return clipWeightShapes(config);
  }

  /**
   * Loads the weights as transformers saves them, of a CLIPTextModel (with the prefix `text_model.` or without), or
   * the tower out of a whole CLIPModel.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: ClipTextConfig,
    options: LoadOptions = {},
  ): Promise<ClipTextModel> {
    const prefix = source.names().some((name) => name.startsWith('text_model.')) ? 'text_model.' : '';
    const ignore = (name: string) => BESIDE.has(name);
    const weights = await loadWeights(device, source, clipWeightShapes(config), {
      ...options,
      prefix,
      ignore,
      linear: isLinearWeight,
    });
    return new ClipTextModel(device, config, weights);
  }

  /**
   * The state of every token, after the final norm. A token sees itself and those before it.
   * @param texts token ids of each text, start and end tokens included.
   * @returns states [B, L, D]; the caller owns them.
   * @throws Error where a text has more tokens than there are positions.
   */
  forward(texts: readonly (readonly number[])[], { trace }: { readonly trace?: Trace } = {}): PaddedStates {
    const { config, device } = this;
    const pass = () => {
      const limits = { ...config, maxLength: config.maxPositions };
      const { ids, lengths, L } = tokenBatch(device, 'clip', texts, limits); // [B, L], [B]
      const positions = slice(this.#positions, { start: [0, 0], end: [L, config.hiddenSize] }); // [L, D]
      let x = scope(device, () => add(cast(embedding(this.#tokens, ids), 'f32'), positions)); // [B, L, D]
      observed('embeddings', x);
      for (const block of this.#blocks) x = advance(x, () => block.forward(x, lengths)); // [B, L, D]
      return { states: this.#finalNorm.forward(x), lengths: texts.map((text) => text.length) };
    };
    return scope(device, () => traced(trace, pass));
  }

  /** Releases the weights. */
  dispose(): void {
    this.#weights.dispose();
  }
}
