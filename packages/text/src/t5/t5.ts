// The encoder of T5 (Raffel et al. 2019) and its descendants v1.1, UL2 and ByT5: texts as token ids to a state a
// token. Not here: tokens (tokenizer.ts, byt5.ts), the decoder.

import {
  advance,
  cast,
  type Device,
  embedding,
  loadWeights,
  rmsNorm,
  scope,
  type Tensor,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { isLinearWeight } from '../linearWeights.ts';
import { type EncoderFiles, type EncoderStates, tokenBatch } from '../states.ts';
import { noteUnder, type Trace } from '../trace.ts';
import { T5Block } from './block.ts';
import { EMBEDDING_NAMES, parseT5Config, type T5Config, t5WeightShapes } from './config.ts';
import { positionBias } from './positions.ts';

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
  private readonly weights: WeightBook;
  private readonly table: Tensor; // [vocabulary, D]
  private readonly positions: Tensor; // [buckets, heads]
  private readonly blocks: readonly T5Block[];
  private readonly finalNorm: Tensor; // [D]

  /** @param weights those of `T5Encoder.weightShapes(config)`, on the device; they are the encoder's from here on. */
  constructor(
    readonly device: Device,
    readonly config: T5Config,
    weights: Readonly<Record<string, Tensor>>,
  ) {
    const table = EMBEDDING_NAMES.find((name) => Object.hasOwn(weights, name)) ?? EMBEDDING_NAMES[0];
    const layers = new WeightBook('t5', weights, t5WeightShapes(config, table));
    this.weights = layers;
    this.table = layers.get(table);
    this.positions = layers.get('encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight');
    this.blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new T5Block(layers, `encoder.block.${i}`, config),
    );
    this.finalNorm = layers.get('encoder.final_layer_norm.weight');
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
    const names = new Set(source.names());
    const [shared, tokens] = EMBEDDING_NAMES;
    const table = !names.has(shared) && names.has(tokens) ? tokens : shared;
    const weights = await loadWeights(device, source, t5WeightShapes(config, table), {
      ...options,
      linear: isLinearWeight,
      ignore: (name) => name === tokens || name.startsWith('decoder.') || name.startsWith('lm_head.'),
    });
    return new T5Encoder(device, config, weights);
  }

  /**
   * Reads the configuration and loads the weights: of google/ul2, google/byt5-*, t5-v1_1 and the like.
   * @param files what `openModel` of `moviegen` opens, or a `config.json` and weights from anywhere.
   * @throws Error of a configuration that is wrong; WeightsError.
   */
  static async fromPretrained(
    device: Device,
    { config, weights }: EncoderFiles,
    options: LoadOptions = {},
  ): Promise<T5Encoder> {
    return T5Encoder.load(device, weights, parseT5Config(config), options);
  }

  /**
   * The state of every token.
   * @param texts token ids of each text, its end token included; an empty text in a batch has length 0.
   * @returns states [B, L, D]; the caller owns them.
   */
  forward(texts: readonly (readonly number[])[], { trace }: { readonly trace?: Trace } = {}): EncoderStates {
    return scope(this.device, () => {
      const { ids, lengths, L } = tokenBatch(this.device, 't5', texts, this.config);
      const bias = positionBias(this.positions, L, this.config.maxDistance); // [1, heads, L, L]
      trace?.('position_bias', bias.reshape(bias.shape.slice(1)));
      // What all layers add to is f32: in large encoders it leaves the range of f16.
      let x = scope(this.device, () => cast(embedding(this.table, ids), 'f32')); // [B, L, D]
      trace?.('encoder.embed_tokens', x);
      for (const [i, block] of this.blocks.entries()) {
        const note = noteUnder(trace, `encoder.block.${i}`);
        x = advance(x, () => block.forward(x, { bias, keyLengths: lengths }, note));
      }
      const states = rmsNorm(x, { weight: this.finalNorm, eps: this.config.normEps });
      trace?.('encoder.final_layer_norm', states);
      return { states, lengths: texts.map((text) => text.length) };
    });
  }

  /** Releases the weights. */
  dispose(): void {
    this.weights.dispose();
  }
}
