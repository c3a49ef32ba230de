// Sizes of CLIP's text tower, by `config.json` of transformers' CLIPTextModel, and the names of its weights.

import type { Activation } from '@moviegen/kernels';
import { ConfigReader } from '../configReader.ts';

/** Sizes and choices of a CLIP text tower. */
export interface ClipTextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly ffnHiddenSize: number;
  readonly activation: Activation;
  readonly normEps: number;
  /** Positions of the table: 77 in the original, 256 in the long-prompt tower. */
  readonly maxPositions: number;
  readonly padTokenId: number;
  /** The token whose state stands for the whole text; 2, in old configs, means the largest id of a text. */
  readonly eosTokenId: number;
}

/**
 * Reads a CLIP text model's `config.json`; of a whole CLIP model, its `text_config` or `text_config_dict`.
 * @throws ConfigError naming every key that is wrong, with what came and what was expected.
 */
export function parseClipTextConfig(json: unknown): ClipTextConfig {
  const whole = new ConfigReader('clip', json);
  whole.kind('clip_text_model', 'clip');
  whole.finish();
  // Of a whole model: as in transformers, an old `text_config_dict` takes the place of `text_config`.
  const config = whole.inside(whole.has('text_config_dict') ? 'text_config_dict' : 'text_config');
  const result: ClipTextConfig = {
    vocabSize: config.integer('vocab_size', 49408),
    hiddenSize: config.integer('hidden_size', 512),
    numLayers: config.integer('num_hidden_layers', 12),
    numHeads: config.integer('num_attention_heads', 8),
    ffnHiddenSize: config.integer('intermediate_size', 2048),
    activation: config.activation('hidden_act', config.text('hidden_act', 'quick_gelu')),
    normEps: config.positive('layer_norm_eps', 1e-5),
    maxPositions: config.integer('max_position_embeddings', 77),
    padTokenId: config.integer('pad_token_id', 1, 0),
    eosTokenId: config.integer('eos_token_id', 49407, 0),
  };
  if (result.hiddenSize % result.numHeads !== 0) {
    config.wrong('num_attention_heads', result.numHeads, `a divisor of hidden_size ${result.hiddenSize}`);
  }
  config.finish();
  return result;
}

/** Shape of every weight by its name in the checkpoint, without the prefix `text_model.`. */
export function clipWeightShapes(config: ClipTextConfig): Record<string, readonly number[]> {
  const { hiddenSize: D, ffnHiddenSize: F } = config;
  const shapes: Record<string, readonly number[]> = {
    'embeddings.token_embedding.weight': [config.vocabSize, D],
    'embeddings.position_embedding.weight': [config.maxPositions, D],
  };
  const affine = (path: string, out: number, inputs?: number) => {
    shapes[`${path}.weight`] = inputs === undefined ? [out] : [out, inputs];
    shapes[`${path}.bias`] = [out];
  };
  for (let i = 0; i < config.numLayers; i++) {
    const layer = `encoder.layers.${i}`;
    affine(`${layer}.layer_norm1`, D);
    for (const w of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) affine(`${layer}.self_attn.${w}`, D, D);
    affine(`${layer}.layer_norm2`, D);
    affine(`${layer}.mlp.fc1`, F, D);
    affine(`${layer}.mlp.fc2`, D, F);
  }
  affine('final_layer_norm', D);
  return shapes;
}
