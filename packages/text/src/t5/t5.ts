// The encoder of T5 (Raffel et al. 2019) and its descendants v1.1, UL2, ByT5 and umT5: texts as token ids to one state per
// token. Not here: tokens (tokenizer.ts, byt5.ts), encoders that do not stay on the device (streamT5.ts), the decoder.

import {
  advance,
  cast,
  type Device,
  embedding,
  loadWeights,
  observed,
  type PaddedStates,
  RMSNorm,
  scope,
  type Tensor,
  type Trace,
  traced,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { tokenBatch } from '../tokenBatch.ts';
import { T5Block } from './block.ts';
import { EMBEDDING_NAMES, type T5Config, t5WeightShapes } from './config.ts';
import { PositionBias, pairBuckets } from './positions.ts';
import { embeddingName, t5WeightOptions } from './weights.ts';

/** Options of loading an encoder. */
export type LoadOptions = Pick<WeightOptions, 'dtype' | 'quantize' | 'onProgress' | 'signal'>;

/**
 * A T5 encoder.
 *
 * ```ts
 * const t5 = await T5Encoder.load(device, source, parseT5Config(json));
 * const { states } = t5.forward([[71, 1712, 1], [1]]);      // [2, 3, D]
 * ```
 */
export class T5Encoder {
  readonly device: Device;
  readonly config: T5Config;
  readonly #weights: WeightBook;
  readonly #table: Tensor; // [vocabulary, D]
  readonly #positionBias: PositionBias | undefined; // where all layers share it
  readonly #blocks: readonly T5Block[];
  readonly #finalNorm: RMSNorm;

  /** @param weights every tensor of `T5Encoder.weightShapes(config)`, on the device; the encoder owns them from here on. */
  constructor(device: Device, config: T5Config, weights: Readonly<Record<string, Tensor>>) {
    const table = EMBEDDING_NAMES.find((name) => Object.hasOwn(weights, name)) ?? EMBEDDING_NAMES[0];
    const book = new WeightBook('t5', weights, t5WeightShapes(config, table));
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.#table = book.get(table);
    if (!config.biasPerLayer) this.#positionBias = new PositionBias(book, 0, 'position_bias');
    this.#blocks = Array.from({ length: config.numLayers }, (_, i) => new T5Block(book, i, config));
    this.#finalNorm = new RMSNorm(book, 'encoder.final_layer_norm', config.normEps);
  }

  /** Shape of every weight by its name in the checkpoint. */
  static weightShapes(config: T5Config): Record<string, readonly number[]> {
    return t5WeightShapes(config);
  }

  /**
   * Loads the weights as transformers saves them: of a T5EncoderModel, or the encoder out of an encoder-decoder.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: T5Config,
    options: LoadOptions = {},
  ): Promise<T5Encoder> {
    const shapes = t5WeightShapes(config, embeddingName(source));
    const weights = await loadWeights(device, source, shapes, t5WeightOptions(config, options));
    return new T5Encoder(device, config, weights);
  }

  /**
   * The state of every token.
   * @param texts token ids of each text, its end token included; an empty text in a batch has length 0.
   * @returns states [B, L, D]; the caller owns them.
   */
  forward(texts: readonly (readonly number[])[], { trace }: { readonly trace?: Trace } = {}): PaddedStates {
    const pass = () => {
      const { ids, lengths, L } = tokenBatch(this.device, 't5', texts, this.config); // [B, L], [B]
      const buckets = pairBuckets(this.device, L, this.config); // [L, L]
      const shared = { buckets, bias: this.#positionBias?.forward(buckets), keyLengths: lengths };
      let x = embedded(this.#table, ids); // [B, L, D]
      for (const block of this.#blocks) x = advance(x, () => block.forward(x, shared)); // [B, L, D]
      return { states: this.#finalNorm.forward(x), lengths: texts.map((text) => text.length) };
    };
    return scope(this.device, () => traced(trace, pass));
  }

  /** Releases the weights. */
  dispose(): void {
    this.#weights.dispose();
  }
}

/**
 * The stream to which all layers add, ids [B, L] -> [B, L, D]. It is f32: in large encoders it leaves the range of f16.
 * @param table [V, D].
 */
export function embedded(table: Tensor, ids: Tensor): Tensor {
  const x = scope(table.device, () => cast(embedding(table, ids), 'f32'));
  return observed('encoder.embed_tokens', x);
}
