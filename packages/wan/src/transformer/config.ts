// A Wan transformer's configuration: the keys of its config.json in diffusers' and in the original repository's spelling, the
// published sizes, and what can be inferred from the tensors of a file that comes without a config. Not here: weights.

import { ConfigError, ConfigReader } from '@moviegen/tensor';

/** Sizes of a transformer, named as in diffusers. */
export interface WanTransformerConfig {
  readonly numHeads: number;
  readonly headDim: number;
  /** D, `numHeads` times `headDim`. */
  readonly hiddenSize: number;
  readonly ffnDim: number;
  readonly numLayers: number;
  /** Channels of what goes in: the latents, and with an image its mask and condition beside them. */
  readonly inChannels: number;
  /** The latents' channels. */
  readonly outChannels: number;
  /** Width of the text encoder's states. */
  readonly textDim: number;
  /** Width of the sinusoid of the time. */
  readonly freqDim: number;
  readonly patchSize: readonly [t: 1, h: 2, w: 2];
  readonly eps: number;
  /** Tokens that a grid may have along an axis. */
  readonly ropeMaxSeqLen: number;
  /** Width of the image encoder's states; absent where the model takes none. */
  readonly imageDim?: number | undefined;
  /** Rows of the image tokens' positions, where the model has them: those of the first and the last image together. */
  readonly posEmbedTokens?: number | undefined;
}

const common = {
  outChannels: 16,
  textDim: 4096,
  freqDim: 256,
  patchSize: [1, 2, 2],
  eps: 1e-6,
  ropeMaxSeqLen: 1024,
} as const;
const sized = (numHeads: number, numLayers: number, ffnDim: number, inChannels = 16) => ({
  ...common,
  numHeads,
  headDim: 128,
  hiddenSize: 128 * numHeads,
  ffnDim,
  numLayers,
  inChannels,
});

/** The published sizes: Wan 2.1, its image models, Wan 2.2 TI2V (`5b`), and an expert of Wan 2.2's image model (`a14b-i2v`). */
export const transformerConfigs: Readonly<
  Record<'1.3b' | '14b' | '5b' | 'i2v-14b' | 'flf2v-14b' | 'a14b-i2v', WanTransformerConfig>
> = {
  '1.3b': sized(12, 30, 8960),
  '14b': sized(40, 40, 13824),
  '5b': { ...sized(24, 30, 14336, 48), outChannels: 48 },
  'i2v-14b': { ...sized(40, 40, 13824, 36), imageDim: 1280 },
  'flf2v-14b': { ...sized(40, 40, 13824, 36), imageDim: 1280, posEmbedTokens: 514 },
  'a14b-i2v': sized(40, 40, 13824, 36),
};

/** Shapes of tensors by their names in diffusers. */
type Shapes = Readonly<Record<string, readonly number[]>>;

/**
 * Reads a transformer's `config.json`, diffusers' (`WanTransformer3DModel`) or the original repository's (`WanModel`).
 * @param shapes of the file's tensors, under diffusers' names. The original config does not say whether a model has an image
 *   embedder; the tensors do. Without them, `model_type` i2v and flf2v of Wan 2.1 are assumed to have one.
 * @throws ConfigError naming every key that is wrong or not supported, with what came and what was expected.
 */
export function parseTransformerConfig(json: unknown, shapes?: Shapes): WanTransformerConfig {
  const reader = new ConfigReader('wan transformer', json);
  const name = reader.value('_class_name');
  const original = name === 'WanModel' || (name === undefined && reader.value('dim') !== undefined);
  if (name !== undefined && name !== 'WanTransformer3DModel' && name !== 'WanModel')
    throw new ConfigError(
      `wan transformer: _class_name: got ${JSON.stringify(name)}, expected "WanTransformer3DModel" or "WanModel"; is this another model's config?`,
    );
  const config = original ? originalConfig(reader, shapes) : diffusersConfig(reader);
  if (config.headDim % 4 !== 0 || config.headDim < 8)
    reader.problem(`a head of ${config.headDim} is not supported: expected a multiple of 4, of at least 8`);
  if (config.freqDim % 2 !== 0) reader.wrong('freq_dim', config.freqDim, 'an even number');
  reader.finish();
  return config;
}

/** The `config.json` that diffusers writes of a configuration. */
export const transformerConfigJson = (config: WanTransformerConfig) => ({
  _class_name: 'WanTransformer3DModel',
  added_kv_proj_dim: config.imageDim === undefined ? null : config.hiddenSize,
  attention_head_dim: config.headDim,
  cross_attn_norm: true,
  eps: config.eps,
  ffn_dim: config.ffnDim,
  freq_dim: config.freqDim,
  image_dim: config.imageDim ?? null,
  in_channels: config.inChannels,
  num_attention_heads: config.numHeads,
  num_layers: config.numLayers,
  out_channels: config.outChannels,
  patch_size: config.patchSize,
  pos_embed_seq_len: config.posEmbedTokens ?? null,
  qk_norm: 'rms_norm_across_heads',
  rope_max_seq_len: config.ropeMaxSeqLen,
  text_dim: config.textDim,
});

const optional = (reader: ConfigReader, key: string): number | undefined =>
  reader.has(key) ? reader.integer(key) : undefined;

function diffusersConfig(reader: ConfigReader): WanTransformerConfig {
  const numHeads = reader.integer('num_attention_heads', 40);
  const headDim = reader.integer('attention_head_dim', 128);
  const hiddenSize = numHeads * headDim;
  reader.only('patch_size', [1, 2, 2]);
  reader.only('qk_norm', 'rms_norm_across_heads');
  reader.only('cross_attn_norm', true);
  const imageDim = optional(reader, 'image_dim');
  const posEmbedTokens = optional(reader, 'pos_embed_seq_len');
  const added = optional(reader, 'added_kv_proj_dim');
  if ((imageDim === undefined) !== (added === undefined) || (added !== undefined && added !== hiddenSize))
    reader.problem(
      `added_kv_proj_dim: got ${added ?? 'null'} with image_dim ${imageDim ?? 'null'}, expected ${hiddenSize} with an image_dim, or null for both`,
    );
  if (posEmbedTokens !== undefined && imageDim === undefined)
    reader.problem(`pos_embed_seq_len: got ${posEmbedTokens} without an image_dim`);
  const inChannels = reader.integer('in_channels', 16);
  return {
    numHeads,
    headDim,
    hiddenSize,
    ffnDim: reader.integer('ffn_dim', 13824),
    numLayers: reader.integer('num_layers', 40),
    inChannels,
    outChannels: reader.integer('out_channels', 16),
    textDim: reader.integer('text_dim', common.textDim),
    freqDim: reader.integer('freq_dim', common.freqDim, 2),
    patchSize: common.patchSize,
    eps: reader.positive('eps', common.eps),
    ropeMaxSeqLen: reader.integer('rope_max_seq_len', common.ropeMaxSeqLen),
    imageDim,
    posEmbedTokens,
  };
}

const MODEL_TYPES = ['t2v', 'i2v', 'ti2v', 'flf2v'];

function originalConfig(reader: ConfigReader, shapes: Shapes | undefined): WanTransformerConfig {
  const numHeads = reader.integer('num_heads');
  const hiddenSize = reader.integer('dim');
  if (hiddenSize % numHeads !== 0) reader.problem(`num_heads: ${numHeads} must divide dim ${hiddenSize}`);
  const kind = reader.value('model_type') ?? 't2v';
  if (!MODEL_TYPES.includes(kind as string)) reader.wrong('model_type', kind, MODEL_TYPES.join(', '));
  reader.only('patch_size', [1, 2, 2]);
  reader.only('window_size', [-1, -1]);
  reader.only('qk_norm', true);
  reader.only('cross_attn_norm', true);
  reader.only('text_len', 512);
  const assumed =
    kind === 'i2v' || kind === 'flf2v'
      ? { imageDim: 1280, posEmbedTokens: kind === 'flf2v' ? 514 : undefined }
      : {};
  return {
    numHeads,
    headDim: Math.floor(hiddenSize / numHeads),
    hiddenSize,
    ffnDim: reader.integer('ffn_dim'),
    numLayers: reader.integer('num_layers'),
    inChannels: reader.integer('in_dim', 16),
    outChannels: reader.integer('out_dim', 16),
    textDim: reader.integer('text_dim', shapes?.[TEXT]?.[1] ?? common.textDim),
    freqDim: reader.integer('freq_dim', common.freqDim, 2),
    patchSize: common.patchSize,
    eps: reader.positive('eps', common.eps),
    ropeMaxSeqLen: common.ropeMaxSeqLen,
    ...(shapes ? imageSizes(shapes) : assumed),
  };
}

const TEXT = 'condition_embedder.text_embedder.linear_1.weight';
const IMAGE = 'condition_embedder.image_embedder';

const imageSizes = (shapes: Shapes): Pick<WanTransformerConfig, 'imageDim' | 'posEmbedTokens'> => ({
  imageDim: shapes[`${IMAGE}.norm1.weight`]?.[0],
  posEmbedTokens: shapes[`${IMAGE}.pos_embed`]?.[1],
});

/**
 * The configuration of a file without a `config.json`, from its tensors. Heads are taken to be 128 wide, as in all published
 * models.
 * @param shapes of the tensors, under diffusers' names.
 * @throws ConfigError naming the tensors without which it cannot be told.
 */
export function inferTransformerConfig(shapes: Shapes): WanTransformerConfig {
  const missing: string[] = [];
  const size = (name: string, axis: number): number => {
    const found = shapes[name]?.[axis];
    if (found === undefined) missing.push(name);
    return found ?? 128;
  };
  const hiddenSize = size('scale_shift_table', 2);
  let numLayers = 0;
  while (`blocks.${numLayers}.scale_shift_table` in shapes) numLayers++;
  const config = {
    ...common,
    hiddenSize,
    numHeads: Math.floor(hiddenSize / 128),
    headDim: 128,
    ffnDim: size('blocks.0.ffn.net.0.proj.weight', 0),
    numLayers,
    inChannels: size('patch_embedding.weight', 1),
    outChannels: size('proj_out.weight', 0) / 4,
    textDim: size(TEXT, 1),
    freqDim: size('condition_embedder.time_embedder.linear_1.weight', 1),
    ...imageSizes(shapes),
  };
  if (missing.length > 0 || numLayers === 0)
    throw new ConfigError(
      `wan transformer: these tensors are not a Wan transformer's: ${missing.join(', ') || 'blocks.0.scale_shift_table'} missing`,
    );
  if (hiddenSize % 128 !== 0)
    throw new ConfigError(
      `wan transformer: the width is ${hiddenSize}, not a multiple of 128, so the heads cannot be told from the tensors; give a config.json`,
    );
  return config;
}
