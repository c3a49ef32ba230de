// Sizes of CLIP's two towers, by `config.json` of transformers' CLIPTextModel and CLIPVisionModel, and the names of their
// weights.

import type { Activation } from '@moviegen/kernels';
import { ConfigReader } from '../configReader.ts';

/** Sizes and choices of the layers of a CLIP tower. */
export interface ClipBlockConfig {
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly ffnHiddenSize: number;
  readonly activation: Activation;
  readonly normEps: number;
}

/** Sizes and choices of a CLIP text tower. */
export interface ClipTextConfig extends ClipBlockConfig {
  readonly vocabSize: number;
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
    ...blockConfig(config, { hiddenSize: 512, numHeads: 8, ffnHiddenSize: 2048 }),
    vocabSize: config.integer('vocab_size', 49408),
    maxPositions: config.integer('max_position_embeddings', 77),
    padTokenId: config.integer('pad_token_id', 1, 0),
    eosTokenId: config.integer('eos_token_id', 49407, 0),
  };
  config.finish();
  return result;
}

/** Sizes and choices of a CLIP image tower. */
export interface ClipVisionConfig extends ClipBlockConfig {
  /** Pixels of the side of the square picture that the tower sees. */
  readonly imageSize: number;
  /** Pixels of the side of a patch. */
  readonly patchSize: number;
}

/**
 * Reads a CLIP image model's `config.json`; of a whole CLIP model, its `vision_config` or `vision_config_dict`.
 * @throws ConfigError naming every key that is wrong, with what came and what was expected.
 */
export function parseClipVisionConfig(json: unknown): ClipVisionConfig {
  const whole = new ConfigReader('clip', json);
  whole.kind('clip_vision_model', 'clip');
  whole.finish();
  const config = whole.inside(whole.has('vision_config_dict') ? 'vision_config_dict' : 'vision_config');
  const result: ClipVisionConfig = {
    ...blockConfig(config, { hiddenSize: 768, numHeads: 12, ffnHiddenSize: 3072 }),
    imageSize: config.integer('image_size', 224),
    patchSize: config.integer('patch_size', 32),
  };
  const channels = config.integer('num_channels', 3);
  if (channels !== 3) config.wrong('num_channels', channels, '3');
  if (result.imageSize < result.patchSize)
    config.wrong('patch_size', result.patchSize, `at most image_size ${result.imageSize}`);
  config.finish();
  return result;
}

/** The keys that both towers have. @param defaults transformers' own, where the towers differ. */
function blockConfig(
  config: ConfigReader,
  defaults: Pick<ClipBlockConfig, 'hiddenSize' | 'numHeads' | 'ffnHiddenSize'>,
): ClipBlockConfig {
  const result: ClipBlockConfig = {
    hiddenSize: config.integer('hidden_size', defaults.hiddenSize),
    numLayers: config.integer('num_hidden_layers', 12),
    numHeads: config.integer('num_attention_heads', defaults.numHeads),
    ffnHiddenSize: config.integer('intermediate_size', defaults.ffnHiddenSize),
    activation: config.activation('hidden_act', config.text('hidden_act', 'quick_gelu')),
    normEps: config.positive('layer_norm_eps', 1e-5),
  };
  if (result.hiddenSize % result.numHeads !== 0)
    config.wrong('num_attention_heads', result.numHeads, `a divisor of hidden_size ${result.hiddenSize}`);
  return result;
}

/** Shape of every weight by its name in the checkpoint, without the prefix `text_model.`. */
export function clipWeightShapes(config: ClipTextConfig): Record<string, readonly number[]> {
  const D = config.hiddenSize;
  return {
    'embeddings.token_embedding.weight': [config.vocabSize, D],
    'embeddings.position_embedding.weight': [config.maxPositions, D],
    ...blockShapes(config),
    ...affine('final_layer_norm', D),
  };
}

/** Shape of every weight of the image tower by its name in the checkpoint, without the prefix `vision_model.`. */
export function clipVisionWeightShapes(config: ClipVisionConfig): Record<string, readonly number[]> {
  const { hiddenSize: D, patchSize: P } = config;
  return {
    'embeddings.class_embedding': [D],
    'embeddings.patch_embedding.weight': [D, 3, P, P],
    'embeddings.position_embedding.weight': [1 + patchesOf(config) ** 2, D],
    ...affine('pre_layrnorm', D), // so spelt in the checkpoints
    ...blockShapes(config),
    ...affine('post_layernorm', D),
  };
}

/** Whole patches along a side of the picture. */
export const patchesOf = ({ imageSize, patchSize }: ClipVisionConfig): number =>
  Math.floor(imageSize / patchSize);

function blockShapes({ numLayers, hiddenSize: D, ffnHiddenSize: F }: ClipBlockConfig) {
  const shapes: Record<string, readonly number[]> = {};
  for (let i = 0; i < numLayers; i++) {
    const layer = `encoder.layers.${i}`;
    Object.assign(shapes, affine(`${layer}.layer_norm1`, D));
    for (const w of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      Object.assign(shapes, affine(`${layer}.self_attn.${w}`, D, D));
    Object.assign(shapes, affine(`${layer}.layer_norm2`, D));
    Object.assign(shapes, affine(`${layer}.mlp.fc1`, F, D), affine(`${layer}.mlp.fc2`, D, F));
  }
  return shapes;
}

const affine = (path: string, out: number, inputs?: number): Record<string, readonly number[]> => ({
  [`${path}.weight`]: inputs === undefined ? [out] : [out, inputs],
  [`${path}.bias`]: [out],
});
