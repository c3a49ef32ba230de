// One model of a Wan checkpoint, open: a folder of diffusers or of the original repository, or a single file as ComfyUI's users have
// it. Whatever the layout, its weights have diffusers' names and its config is told, by a file or by the weights.

import { ConfigError, checkWeights, scaledSource, type WeightSource } from '@moviegen/tensor';
import { checkT5Weights, parseT5Config, type T5Config, t5Source } from '@moviegen/text';
import {
  autoencoderConfigJson,
  autoencoderSource,
  inferAutoencoderConfig,
  inferTransformerConfig,
  parseAutoencoderConfig,
  parseTransformerConfig,
  placeTransformerLayers,
  transformerConfigJson,
  transformerSource,
  WanAutoencoder,
  type WanAutoencoderConfig,
  type WanTransformerConfig,
} from '@moviegen/wan';
import { openFiles } from '../../checkpoint/files.ts';
import { checkKind, type WeightsKind } from '../../checkpoint/identify.ts';
import { openPart, placed } from '../../checkpoint/modelFiles.ts';
import { fileOf, openSingle } from '../../checkpoint/singleFile.ts';
import type { CheckpointFiles, FilesOptions, Place } from '../../checkpointFiles.ts';
import type { CheckpointError } from '../../errors.ts';

/** One model, open. */
export interface WanPart<Config> {
  /** Its name in progress. */
  readonly folder: string;
  /** Where it is, in messages. */
  readonly path: string;
  readonly config: Config;
  /** The `config.json` of diffusers or transformers for it: the file's own, or what it would be. */
  readonly json: unknown;
  /** Under diffusers' names. */
  readonly weights: WeightSource;
  close(): Promise<void>;
}

/** Where a model is: a place of its own, a folder of the checkpoint, or nowhere. */
export type PartPlace =
  | { readonly place: Place }
  | { readonly files: CheckpointFiles; readonly folder: string; readonly file?: string }
  | { readonly absent: CheckpointError };

/** What is special about each kind of model. */
interface Kind<Config> {
  readonly kind: WeightsKind;
  rename(source: WeightSource): WeightSource;
  /** @param json the `config.json`, where there is one */
  config(
    json: unknown,
    shapes: Readonly<Record<string, readonly number[]>>,
  ): Pick<WanPart<Config>, 'config' | 'json'>;
  /** @throws WeightsError where the weights contradict the config */
  check(weights: WeightSource, config: Config): void;
}

const transformer: Kind<WanTransformerConfig> = {
  kind: 'wan-transformer',
  rename: transformerSource,
  config(json, shapes) {
    const config = json === undefined ? inferTransformerConfig(shapes) : parseTransformerConfig(json, shapes);
    return { config, json: transformerConfigJson(config) };
  },
  check: (weights, config) => void placeTransformerLayers(weights, config, { dtype: 'f32' }),
};

const autoencoder: Kind<WanAutoencoderConfig> = {
  kind: 'wan-autoencoder',
  rename: autoencoderSource,
  config(json, shapes) {
    const config = json === undefined ? inferAutoencoderConfig(shapes) : parseAutoencoderConfig(json);
    return { config, json: autoencoderConfigJson(config) };
  },
  check: (weights, config) =>
    void checkWeights(weights, WanAutoencoder.weightShapes(config), { dtype: 'f32' }),
};

const textEncoder: Kind<T5Config> = {
  kind: 'umt5',
  rename: t5Source,
  config(given, shapes) {
    const json = given ?? t5ConfigOf(shapes);
    const config = parseT5Config(json);
    if (config.biasPerLayer) return { config, json };
    throw new ConfigError('t5: model_type: this is not an umT5, whose states Wan reads');
  },
  check: checkT5Weights,
};

type Where = [name: string, at: PartPlace, options?: FilesOptions, signal?: AbortSignal];

/** Opens a transformer. @throws CheckpointError, GgufError, SafetensorsError */
export const openTransformer = (...where: Where): Promise<WanPart<WanTransformerConfig>> =>
  opened(transformer, ...where);

/** Opens an autoencoder. @throws CheckpointError, SafetensorsError */
export const openAutoencoder = (...where: Where): Promise<WanPart<WanAutoencoderConfig>> =>
  opened(autoencoder, ...where);

/** Opens umT5. @throws CheckpointError, GgufError, SafetensorsError */
export const openTextEncoder = (...where: Where): Promise<WanPart<T5Config>> => opened(textEncoder, ...where);

async function opened<Config>(
  { kind, rename, config, check }: Kind<Config>,
  name: string,
  at: PartPlace,
  options: FilesOptions = {},
  signal?: AbortSignal,
): Promise<WanPart<Config>> {
  const found = await openPlace(at, kind, options, signal);
  try {
    return await placed(found, async () => {
      const weights = rename(await scaledSource(found.weights, signal));
      const shapes = Object.fromEntries(weights.names().map((each) => [each, weights.shape(each)]));
      const told = config(found.config, shapes);
      check(weights, told.config);
      return {
        ...told,
        folder: name,
        path: found.path,
        weights,
        close: () => found.weights.close(),
      };
    });
  } catch (error) {
    await found.weights.close();
    throw error;
  }
}

/** Opens a folder's config and weights, or a single file's weights, whose config is told by them. */
async function openPlace(
  at: PartPlace,
  kind: WeightsKind,
  options: FilesOptions,
  signal: AbortSignal | undefined,
) {
  // The revision is the checkpoint's.
  const own = { ...options, revision: undefined };
  if ('absent' in at) throw at.absent;
  // A variant is of transformers; the other models have it where they can.
  const needs = { configNeeded: false, variantNeeded: kind === 'wan-transformer' };
  const file = 'place' in at ? fileOf(at.place) : at.file && { folder: at.files, name: at.file };
  const found = file
    ? await openSingle(file, own, signal)
    : 'files' in at
      ? await openPart(at.files, at.folder, signal, needs)
      : await openPart(openFiles(at.place, own), '', signal, needs);
  const { path, weights, config } = found;
  try {
    if (file || config === undefined) checkKind(path, weights, kind);
  } catch (error) {
    await weights.close();
    throw error;
  }
  // Beside a single file any config may lie.
  return { path, weights, config: isConfigOf(kind, config) || !file ? config : undefined };
}

/** What a `config.json` beside a single file must be of, to count. */
const CLASSES: Readonly<Partial<Record<WeightsKind, readonly unknown[]>>> = {
  'wan-transformer': ['WanModel', 'WanTransformer3DModel'],
  'wan-autoencoder': ['AutoencoderKLWan'],
  umt5: ['umt5'],
};
/** Whether a `config.json` is of a kind of model. */
export function isConfigOf(kind: WeightsKind, json: unknown): boolean {
  const { _class_name, model_type } = (json ?? {}) as { _class_name?: unknown; model_type?: unknown };
  return CLASSES[kind]?.includes(_class_name ?? model_type) ?? false;
}

/** A `config.json` of umT5 by its weights. */
function t5ConfigOf(shapes: Readonly<Record<string, readonly number[]>>) {
  const of = (name: string, axis: number) => shapes[`encoder.block.0.layer.${name}.weight`]?.[axis];
  const heads = of('0.SelfAttention.relative_attention_bias', 1) ?? 1;
  const layers = Object.keys(shapes).filter((name) => name.endsWith('.SelfAttention.q.weight')).length;
  return {
    model_type: 'umt5',
    vocab_size: (shapes['shared.weight'] ?? shapes['encoder.embed_tokens.weight'])?.[0],
    d_model: of('0.SelfAttention.q', 1),
    d_kv: (of('0.SelfAttention.q', 0) ?? heads) / heads,
    num_heads: heads,
    num_layers: layers,
    d_ff: of('1.DenseReluDense.wi_0', 0),
    relative_attention_num_buckets: of('0.SelfAttention.relative_attention_bias', 0),
    feed_forward_proj: 'gated-gelu',
    dense_act_fn: 'gelu_new',
  };
}
