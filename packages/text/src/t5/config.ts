// Sizes of a T5 encoder, by `config.json` of transformers' T5EncoderModel, and the names of its weights.

import type { Activation } from '@moviegen/kernels';
import { ConfigReader } from '../configReader.ts';

/** Sizes and choices of a T5 encoder. */
export interface T5Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Width of a head; all heads together may be wider or narrower than the model. */
  readonly headSize: number;
  readonly ffnHiddenSize: number;
  readonly activation: Activation;
  /** Two matrices, `activation(x W_0^T) * (x W_1^T)`, instead of one. */
  readonly gated: boolean;
  readonly normEps: number;
  readonly numBuckets: number;
  readonly maxDistance: number;
  /** Every layer has its own relative bias, as in umT5; otherwise the first layer's serves all. */
  readonly biasPerLayer: boolean;
  readonly padTokenId: number;
}

/**
 * Reads a T5 model's `config.json`; of an encoder-decoder, the encoder's part.
 * @throws ConfigError naming every key that is wrong, with what came and what was expected.
 */
export function parseT5Config(json: unknown): T5Config {
  const config = new ConfigReader('t5', json);
  config.kind('t5', 'mt5', 'umt5');
  const { activation, gated } = feedForwardOf(config);
  const result: T5Config = {
    vocabSize: config.integer('vocab_size'),
    hiddenSize: config.integer('d_model'),
    numLayers: config.integer('num_layers'),
    numHeads: config.integer('num_heads'),
    headSize: config.integer('d_kv'),
    ffnHiddenSize: config.integer('d_ff'),
    activation,
    gated,
    normEps: config.positive('layer_norm_epsilon', 1e-6),
    numBuckets: config.integer('relative_attention_num_buckets', 32, 4),
    maxDistance: config.integer('relative_attention_max_distance', 128),
    biasPerLayer: config.is('umt5'),
    padTokenId: config.integer('pad_token_id', 0, 0),
  };
  config.finish();
  return result;
}

/**
 * The activation and whether it is gated. As in transformers, `dense_act_fn` and `is_gated_act`, which saved configs hold, win over
 * what `feed_forward_proj` says; that alone reads `gated-gelu` as the tanh approximation. The default of mt5 and umt5 is gated.
 */
function feedForwardOf(config: ConfigReader): { activation: Activation; gated: boolean } {
  const projection = config.text(
    'feed_forward_proj',
    config.is('mt5') || config.is('umt5') ? 'gated-gelu' : 'relu',
  );
  const [, gate, act = ''] = /^(gated-)?(.*)$/.exec(projection)!;
  const gated = config.flag('is_gated_act', gate !== undefined);
  if (config.has('dense_act_fn'))
    return { activation: config.activation('dense_act_fn', config.text('dense_act_fn', '')), gated };
  return {
    activation: config.activation('feed_forward_proj', gate && act === 'gelu' ? 'gelu_new' : act),
    gated,
  };
}

/** The token table has two names; a file holds it under one of them, or under both with the same numbers. */
export const EMBEDDING_NAMES = ['shared.weight', 'encoder.embed_tokens.weight'] as const;

/** The name of a layer's table of relative biases. */
export const positionBiasName = (layer: number): string =>
  `encoder.block.${layer}.layer.0.SelfAttention.relative_attention_bias.weight`;

/** Shape of every weight by its name in the checkpoint, the token table under the given one of its names. */
export function t5WeightShapes(
  config: T5Config,
  embedding: (typeof EMBEDDING_NAMES)[number] = 'shared.weight',
): Record<string, readonly number[]> {
  const { hiddenSize: D, ffnHiddenSize: F, numHeads, headSize } = config;
  const inner = numHeads * headSize;
  const shapes: Record<string, readonly number[]> = { [embedding]: [config.vocabSize, D] };
  for (let i = 0; i < config.numLayers; i++) {
    const attention = `encoder.block.${i}.layer.0`;
    const feedForward = `encoder.block.${i}.layer.1`;
    for (const w of ['q', 'k', 'v']) shapes[`${attention}.SelfAttention.${w}.weight`] = [inner, D];
    shapes[`${attention}.SelfAttention.o.weight`] = [D, inner];
    if (i === 0 || config.biasPerLayer) {
      shapes[positionBiasName(i)] = [config.numBuckets, numHeads];
    }
    shapes[`${attention}.layer_norm.weight`] = [D];
    for (const w of config.gated ? ['wi_0', 'wi_1'] : ['wi']) {
      shapes[`${feedForward}.DenseReluDense.${w}.weight`] = [F, D];
    }
    shapes[`${feedForward}.DenseReluDense.wo.weight`] = [D, F];
    shapes[`${feedForward}.layer_norm.weight`] = [D];
  }
  shapes['encoder.final_layer_norm.weight'] = [D];
  return shapes;
}
