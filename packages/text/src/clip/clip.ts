// CLIP's text tower (Radford et al. 2021), also with more positions than 77 (the long-prompt MetaCLIP): texts as token
// ids to a state a token, after the final norm. Not here: the pooled state, the projection, the image tower.

import {
  add,
  advance,
  cast,
  type Device,
  embedding,
  layerNorm,
  loadWeights,
  scope,
  slice,
  type Tensor,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { isLinearWeight } from '../linearWeights.ts';
import { type EncoderFiles, type EncoderStates, tokenBatch } from '../states.ts';
import type { LoadOptions } from '../t5/t5.ts';
import { noteUnder, type Trace } from '../trace.ts';
import { ClipBlock, type Norm, normOf } from './block.ts';
import { type ClipTextConfig, clipWeightShapes, parseClipTextConfig } from './config.ts';

/** Beside the tower in a file: a buffer of old files, and what follows the tower. */
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
  private readonly weights: WeightBook;
  private readonly tokens: Tensor; // [vocabulary, D]
  private readonly positions: Tensor; // [positions, D]
  private readonly blocks: readonly ClipBlock[];
  private readonly finalNorm: Norm;

  /** @param weights those of `ClipTextModel.weightShapes(config)`, on the device; they are the tower's from here on. */
  constructor(
    readonly device: Device,
    readonly config: ClipTextConfig,
    weights: Readonly<Record<string, Tensor>>,
  ) {
    const layers = new WeightBook('clip', weights, clipWeightShapes(config));
    this.weights = layers;
    this.tokens = layers.get('embeddings.token_embedding.weight');
    this.positions = layers.get('embeddings.position_embedding.weight');
    this.blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new ClipBlock(layers, `encoder.layers.${i}`, config),
    );
    this.finalNorm = normOf(layers, 'final_layer_norm', config);
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
   * Reads the configuration and loads the weights: of a CLIPTextModel, or the text tower of a CLIPModel.
   * @param files what `openModel` of `moviegen` opens, or a `config.json` and weights from anywhere.
   * @throws Error of a configuration that is wrong; WeightsError.
   */
  static async fromPretrained(
    device: Device,
    { config, weights }: EncoderFiles,
    options: LoadOptions = {},
  ): Promise<ClipTextModel> {
    return ClipTextModel.load(device, weights, parseClipTextConfig(config), options);
  }

  /**
   * The state of every token, after the final norm. A token sees itself and those before it.
   * @param texts token ids of each text, start and end tokens included.
   * @returns states [B, L, D]; the caller owns them.
   * @throws Error where a text has more tokens than there are positions.
   */
  forward(texts: readonly (readonly number[])[], { trace }: { readonly trace?: Trace } = {}): EncoderStates {
    return scope(this.device, () => {
      const { config, device } = this;
      const limits = { ...config, maxLength: config.maxPositions };
      const { ids, lengths, L } = tokenBatch(device, 'clip', texts, limits);
      const positions = slice(this.positions, { start: [0, 0], end: [L, config.hiddenSize] }); // [L, D]
      let x = scope(device, () => add(cast(embedding(this.tokens, ids), 'f32'), positions)); // [B, L, D]
      trace?.('embeddings', x);
      for (const [i, block] of this.blocks.entries()) {
        const note = noteUnder(trace, `encoder.layers.${i}`);
        x = advance(x, () => block.forward(x, lengths, note));
      }
      const states = layerNorm(x, this.finalNorm);
      trace?.('final_layer_norm', states);
      return { states, lengths: texts.map((text) => text.length) };
    });
  }

  /** Releases the weights. */
  dispose(): void {
    this.weights.dispose();
  }
}
