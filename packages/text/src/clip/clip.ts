// CLIP's text tower (Radford et al. 2021), also with more positions than 77 (the long-prompt MetaCLIP): texts as token
// ids to one state per token, after the final norm, and the states that image models read. Not here: the image tower.

import {
  add,
  advance,
  cast,
  type Device,
  embedding,
  LayerNorm,
  Linear,
  loadWeights,
  observed,
  type PaddedStates,
  scope,
  slice,
  Tensor,
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

/** What a file holds besides the tower: a buffer in old files, and the modules that follow the tower. */
const BESIDE = new Set([
  'embeddings.position_ids',
  'text_projection.weight',
  'text_projection',
  'logit_scale',
]);

const PROJECTION = 'text_projection.weight';

/** Options of loading a CLIP text tower. */
export interface ClipLoadOptions extends LoadOptions {
  /** Loads the projection `text_projection.weight` too, where the file has it. Default: no. */
  readonly projection?: boolean;
}

/** What image models read of a text, besides the state of every token. The caller owns all of it. */
export interface ClipFeatures extends PaddedStates {
  /** `[B, L, D]`: what the last layer is given, not normed; transformers' `hidden_states[-2]`. */
  readonly penultimate: Tensor;
  /** `[B, D]`: the state of each text's end token after the final norm; transformers' `pooler_output`. */
  readonly pooled: Tensor;
  /** `[B, P]`: the pooled state projected, where the projection is loaded; transformers' `text_embeds`. */
  readonly projected: Tensor | undefined;
}

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
  readonly #projection: Linear | undefined; // [P, D]

  /** @param weights every tensor of `ClipTextModel.weightShapes(config)`, on the device; the tower owns them from here on. */
  constructor(device: Device, config: ClipTextConfig, weights: Readonly<Record<string, Tensor>>) {
    const projection = weights[PROJECTION];
    const shapes = projection && { [PROJECTION]: [projection.shape[0]!, config.hiddenSize] };
    const book = new WeightBook('clip', weights, { ...clipWeightShapes(config), ...shapes });
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
    this.#projection = projection && new Linear(book, 'text_projection');
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
    { projection = false, ...options }: ClipLoadOptions = {},
  ): Promise<ClipTextModel> {
    const prefix = source.names().some((name) => name.startsWith('text_model.')) ? 'text_model.' : '';
    const ignore = (name: string) => BESIDE.has(name);
    const weights = await loadWeights(device, source, clipWeightShapes(config), {
      ...options,
      prefix,
      ignore,
      linear: isLinearWeight,
    });
    if (!projection || !source.names().includes(PROJECTION))
      return new ClipTextModel(device, config, weights);
    try {
      const { dtype, signal } = options;
      const shape = [source.shape(PROJECTION)[0] ?? 0, config.hiddenSize];
      const only = { ...(dtype && { dtype }), ...(signal && { signal }), ignore: () => true };
      const loaded = await loadWeights(device, source, { [PROJECTION]: shape }, only);
      return new ClipTextModel(device, config, { ...weights, ...loaded });
    } catch (error) {
      for (const tensor of Object.values(weights)) tensor.dispose();
      throw error;
    }
  }

  /**
   * The state of every token, after the final norm. A token sees itself and those before it.
   * @param texts token ids of each text, start and end tokens included.
   * @returns states [B, L, D]; the caller owns them.
   * @throws Error where a text has more tokens than there are positions.
   */
  forward(texts: readonly (readonly number[])[], { trace }: { readonly trace?: Trace } = {}): PaddedStates {
    const pass = () => {
      const { embedded, lengths } = this.#embedded(texts);
      let x = embedded;
      for (const block of this.#blocks) x = advance(x, () => block.forward(x, lengths)); // [B, L, D]
      return { states: this.#finalNorm.forward(x), lengths: texts.map((text) => text.length) };
    };
    return scope(this.device, () => traced(trace, pass));
  }

  /**
   * What image models read: Stable Diffusion the states before the last layer, where it skips that, and SDXL these and the
   * pooled or projected state.
   * @param texts as `forward` takes them, each with its end token; the first one counts.
   * @throws Error where a text has no end token.
   */
  features(texts: readonly (readonly number[])[]): ClipFeatures {
    const ends = texts.map((text, b) => this.#endOf(text, b));
    return scope(this.device, () => {
      const { embedded, lengths } = this.#embedded(texts);
      const [B, L, D] = embedded.shape as [number, number, number];
      let penultimate = embedded;
      for (const block of this.#blocks.slice(0, -1))
        penultimate = advance(penultimate, () => block.forward(penultimate, lengths));
      const states = this.#finalNorm.forward(this.#blocks.at(-1)!.forward(penultimate, lengths));
      const rows = Tensor.from(
        this.device,
        Uint32Array.from(ends, (end, b) => b * L + end),
        [B],
      );
      const pooled = embedding(states.reshape([B * L, D]), rows); // [B, D]
      const projected = this.#projection?.forward(pooled); // [B, P]
      return { states, penultimate, pooled, projected, lengths: texts.map((text) => text.length) };
    });
  }

  #embedded(texts: readonly (readonly number[])[]): { embedded: Tensor; lengths: Tensor } {
    const { config, device } = this;
    const limits = { ...config, maxLength: config.maxPositions };
    const { ids, lengths, L } = tokenBatch(device, 'clip', texts, limits); // [B, L], [B]
    const positions = slice(this.#positions, { start: [0, 0], end: [L, config.hiddenSize] }); // [L, D]
    const embedded = scope(device, () => add(cast(embedding(this.#tokens, ids), 'f32'), positions)); // [B, L, D]
    observed('embeddings', embedded);
    return { embedded, lengths };
  }

  #endOf(text: readonly number[], b: number): number {
    const { eosTokenId } = this.config;
    const end = text.indexOf(eosTokenId === 2 ? Math.max(...text) : eosTokenId);
    if (end >= 0) return end;
    throw new Error(
      `clip.features: text ${b} has no end token: expected the id ${eosTokenId} in [${text.join(', ')}]`,
    );
  }

  /** Releases the weights. */
  dispose(): void {
    this.#weights.dispose();
  }
}
