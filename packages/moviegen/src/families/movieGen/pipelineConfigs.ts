// The configs of a pipeline's models: of a published size, or read from a checkpoint's folder with its tokenizers. Weights
// are never opened.

import { type DiTConfig, configs as ditConfigs, parseConfig as parseDitConfig } from '@moviegen/dit';
import { parseConfig as parseTaeConfig, type TAEConfig } from '@moviegen/tae';
import {
  type ClipTextConfig,
  type ClipVisionConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
  parseT5Config,
  type T5Config,
} from '@moviegen/text';
import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { readTokenizerAt, tokenizerPlaces } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import type { PartPlaces } from '../../generate/family.ts';
import { readImageProcessor } from '../../imageProcessor.ts';
import { type ModelIndex, parseModelIndex, tokenized } from './modelIndex.ts';
import { checkNoParts, type OpenOptions } from './open.ts';
import { imageConfig, parseUpsamplerIndex, UPSAMPLER_CLASS, type UpsamplerIndex } from './upsamplerIndex.ts';

/** Configs of a pipeline's models, and its tokenizers where it has any. */
export interface PipelineConfigs<Index = ModelIndex> {
  readonly name: string;
  readonly index: Index;
  readonly dit: DiTConfig;
  readonly tae: TAEConfig;
  /** The same as `config.json` has it; absent in a published size. */
  readonly taeJson?: unknown;
  readonly ul2?: EncoderConfig<T5Config> | undefined;
  readonly metaclip?: EncoderConfig<ClipTextConfig> | undefined;
  readonly byt5?: EncoderConfig<T5Config> | undefined;
  /** The image tower, and its parsed `preprocessor_config.json`. */
  readonly vision?: (EncoderConfig<ClipVisionConfig> & { readonly processor: unknown }) | undefined;
}

/** What is read of an index here. */
export type ReadIndex = Pick<
  ModelIndex,
  'transformer' | 'tae' | 'textEncoders' | 'imageEncoder' | 'maxLength' | 'stripQuoted'
>;

/** The config of a text encoder. */
export interface EncoderConfig<Config> {
  readonly config: Config;
  /** The same as `config.json` has it. */
  readonly json: unknown;
  /** Absent in a published size, and for ByT5, whose tokenizer is the bytes. */
  readonly tokenizer?: { readonly tokenizer: unknown; readonly tokenizerConfig: unknown };
}

// The published encoders: google/ul2, MetaCLIP's long-prompt text tower, google/byt5-small.
const UL2 = {
  model_type: 't5',
  vocab_size: 32128,
  d_model: 4096,
  num_layers: 32,
  num_heads: 16,
  d_kv: 256,
  d_ff: 16384,
  feed_forward_proj: 'gated-silu',
};
const METACLIP = {
  model_type: 'clip_text_model',
  vocab_size: 49408,
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  intermediate_size: 4096,
  hidden_act: 'quick_gelu',
  max_position_embeddings: 256,
};
const BYT5 = {
  model_type: 't5',
  vocab_size: 384,
  d_model: 1472,
  num_layers: 12,
  num_heads: 6,
  d_kv: 64,
  d_ff: 3584,
  feed_forward_proj: 'gated-gelu',
};

const ENCODERS = { text_encoders: { ul2: 'ul2', metaclip: 'metaclip', byt5: 'byt5' } };

/** A published size with the published encoders and autoencoder. */
export const publishedPipeline = (name: keyof typeof ditConfigs): PipelineConfigs =>
  published(name, parseModelIndex(ENCODERS));

/** The upsampler of the paper's size, with the published encoders and an image autoencoder of 16 channels. */
export const publishedUpsampler = (): PipelineConfigs<UpsamplerIndex> =>
  published('7b', parseUpsamplerIndex({ _class_name: UPSAMPLER_CLASS, ...ENCODERS }), { temporal: false });

function published<Index>(
  name: keyof typeof ditConfigs,
  index: Index,
  frames: { readonly temporal?: boolean } = {},
): PipelineConfigs<Index> {
  return {
    name,
    index,
    dit: ditConfigs[name],
    tae: { ...parseTaeConfig({}), ...frames },
    ul2: { config: parseT5Config(UL2), json: UL2 },
    metaclip: { config: parseClipTextConfig(METACLIP), json: METACLIP },
    byt5: { config: parseT5Config(BYT5), json: BYT5 },
  };
}

/** What is read besides the checkpoint; `parts` are refused. */
type ConfigsOptions = Omit<OpenOptions, 'loras'> & { readonly parts?: PartPlaces | undefined };

/** The configs of a checkpoint's folder. @throws CheckpointError */
export const checkpointPipeline = (
  files: CheckpointFiles,
  options: ConfigsOptions = {},
): Promise<PipelineConfigs> => pipelineConfigs(files, parseModelIndex, parseTaeConfig, options);

/** The configs of an upsampler's folder. @throws CheckpointError */
export const checkpointUpsampler = (
  files: CheckpointFiles,
  options: ConfigsOptions = {},
): Promise<PipelineConfigs<UpsamplerIndex>> =>
  pipelineConfigs(files, parseUpsamplerIndex, imageConfig, options);

async function pipelineConfigs<Index extends ReadIndex>(
  files: CheckpointFiles,
  parseIndex: (json: unknown, path: string) => Index,
  parseTae: (json: unknown) => TAEConfig,
  { parts, tokenizer: given, http, signal }: ConfigsOptions,
): Promise<PipelineConfigs<Index>> {
  checkNoParts({ parts });
  await files.check?.(signal);
  const json = async (folder: string, name: string) => {
    const value = await readJson(files, folder, name, signal);
    if (value !== undefined) return value;
    throw await missing(files, folder, name, signal);
  };
  const index = parseIndex(await json('', 'model_index.json'), pathOf(files, '', 'model_index.json'));
  const parsed = async <T>(folder: string, parse: (json: unknown) => T) => {
    const config = await json(folder, 'config.json');
    try {
      return { config: parse(config), json: config };
    } catch (cause) {
      throw new CheckpointError(`checkpoint: ${pathOf(files, folder, '')}: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const places = tokenizerPlaces(given, tokenized(index));
  const withTokenizer = async <T>(name: string, folder: string, parse: (json: unknown) => T) => {
    const tokenizer = await readTokenizerAt(files, folder, places[name], http, signal);
    return { ...(await parsed(folder, parse)), tokenizer };
  };
  const withProcessor = async (folder: string) => ({
    ...(await parsed(folder, parseClipVisionConfig)),
    processor: await readImageProcessor(files, folder, signal),
  });
  const { imageEncoder: vision } = index;
  const { ul2, metaclip, byt5 } = index.textEncoders;
  const tae = await parsed(index.tae, parseTae);
  return {
    name: files.label,
    index,
    dit: (await parsed(index.transformer, parseDitConfig)).config,
    tae: tae.config,
    taeJson: tae.json,
    ul2: ul2 === undefined ? undefined : await withTokenizer('ul2', ul2, parseT5Config),
    metaclip:
      metaclip === undefined ? undefined : await withTokenizer('metaclip', metaclip, parseClipTextConfig),
    byt5: byt5 === undefined ? undefined : await parsed(byt5, parseT5Config),
    vision: vision === undefined ? undefined : await withProcessor(vision),
  };
}
