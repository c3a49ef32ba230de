// What a Wan checkpoint is, in whatever layout: the published model whose sizes it has, its jobs, its parts, and what of it is missing or does not fit.
// The headers of weights are read, nothing is loaded.

import { sizeOf } from '@moviegen/kernels';
import { parseScheduler } from '@moviegen/sampler';
import { ConfigError, fileBytes, scaledSource, type WeightSource, WeightsError } from '@moviegen/tensor';
import {
  inferTransformerConfig,
  parseTransformerConfig,
  spatialFactor,
  transformerConfigs,
  transformerSource,
  type WanAutoencoderConfig,
  type WanTransformerConfig,
} from '@moviegen/wan';
import { openPart } from '../../checkpoint/modelFiles.ts';
import { readTokenizerAt } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import type { CheckpointSummary, GenerationRules, PartSummary } from '../../generate/family.ts';
import { checkConfigs, schedulerOf, switchesOf, type WanSwitches } from './configs.ts';
import { defaultsOf } from './defaults.ts';
import { geometryOf, TEMPORAL } from './geometry.ts';
import { layoutOf } from './layout.ts';
import { jobsOf } from './models.ts';
import { withTokenizer } from './open.ts';
import { isConfigOf, openAutoencoder, openTextEncoder, openTransformer } from './parts.ts';

/** What a checkpoint is and can do. @throws CheckpointError where its index is wrong, or it has no transformer that can be opened */
export async function summary(files: CheckpointFiles, signal?: AbortSignal): Promise<CheckpointSummary> {
  const layout = await layoutOf(files, {}, true, signal);
  const parts: PartSummary[] = [];
  const problems: string[] = [];
  const problemOf = async <T>(find: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await find();
    } catch (error) {
      signal?.throwIfAborted();
      problems.push((error as Error).message);
      return undefined;
    }
  };
  const take = <T extends { readonly weights: WeightSource; close(): Promise<void> }>(
    name: string,
    opening: Promise<T>,
  ): Promise<T | undefined> =>
    problemOf(async () => {
      const part = await opening;
      parts.push(partOf(name, part.weights));
      await part.close();
      return part;
    });
  const transformers: (WanTransformerConfig | undefined)[] = [];
  for (const [i, at] of layout.transformers.entries()) {
    const name = i === 0 ? 'transformer' : 'transformer_2';
    const opened = await take(name, openTransformer(name, at, {}, signal));
    transformers.push(opened?.config);
  }
  const vae = await take('vae', openAutoencoder('vae', layout.vae, {}, signal));
  const text =
    layout.textEncoder &&
    (await take('text_encoder', openTextEncoder('text_encoder', layout.textEncoder, {}, signal)));
  const tokens = await problemOf(() => readTokenizerAt(files, layout.tokenizer, undefined, {}, signal));
  if (text && tokens) await problemOf(() => withTokenizer(text, tokens));
  const tower = layout.index?.imageEncoder;
  if (tower !== undefined) {
    const opening = openPart(files, tower, signal, { variantNeeded: false });
    await take(
      tower,
      opening.then((part) => ({ ...part, close: () => part.weights.close() })),
    );
  }
  const [first] = transformers;
  if (first === undefined) throw new CheckpointError(problems[0]!);
  if (vae && transformers.every((one) => one !== undefined))
    await problemOf(() =>
      checkConfigs({ transformers, vae: vae.config, textEncoder: text?.config }, tower !== undefined),
    );
  const switches = layout.index ?? switchesOf({ transformers: transformers.map((one) => one ?? first) });
  const generation =
    vae && (await problemOf(() => generationOf(first, vae.config, switches, layout.scheduler)));
  return {
    kind: nameOf(first, layout.transformers.length, vae?.config),
    jobs: jobsOf(first, switches),
    tasks: [],
    ...(generation && { generation }),
    parts,
    problems,
  };
}

/** Defaults and limits of a checkpoint's options. */
function generationOf(
  config: WanTransformerConfig,
  vae: WanAutoencoderConfig,
  switches: WanSwitches,
  scheduler: unknown,
): GenerationRules {
  return {
    defaults: defaultsOf(switches, config),
    multiple: geometryOf(config, vae, spatialFactor(vae)).multiple,
    frameStep: TEMPORAL,
    shift: parseScheduler(scheduler ?? schedulerOf({ transformers: [config] })).shift,
  };
}

/**
 * Which published model's transformer weights are, and what it can do; undefined where they do not tell.
 * @param json the `config.json` beside them, if there is one
 */
export async function transformerSummary(
  source: WeightSource,
  json?: unknown,
): Promise<Pick<CheckpointSummary, 'kind' | 'jobs'> | undefined> {
  try {
    const weights = transformerSource(await scaledSource(source));
    const shapes = Object.fromEntries(weights.names().map((name) => [name, weights.shape(name)]));
    const config = isConfigOf('wan-transformer', json)
      ? parseTransformerConfig(json, shapes)
      : inferTransformerConfig(shapes);
    const switches = switchesOf({ transformers: [config] });
    return { kind: nameOf(config, 1), jobs: jobsOf(config, switches) };
  } catch (error) {
    if (error instanceof ConfigError || error instanceof WeightsError) return undefined;
    throw error;
  }
}

const NAMES: Readonly<Record<keyof typeof transformerConfigs, readonly [one: string, two: string]>> = {
  '1.3b': ['Wan 2.1 T2V 1.3B', ''],
  '14b': ['Wan 2.1 T2V 14B, or an expert of Wan 2.2 T2V A14B', 'Wan 2.2 T2V A14B'],
  '5b': ['Wan 2.2 TI2V 5B', ''],
  'i2v-14b': ['Wan 2.1 I2V 14B', ''],
  'flf2v-14b': ['Wan 2.1 FLF2V 14B', ''],
  'a14b-i2v': ['an expert of Wan 2.2 I2V A14B', 'Wan 2.2 I2V A14B'],
};
const SIZES = [
  ...['hiddenSize', 'numHeads', 'numLayers', 'ffnDim', 'inChannels', 'outChannels', 'imageDim'],
  'posEmbedTokens',
] as readonly (keyof WanTransformerConfig)[];

/** The published model with these sizes, or the version and the sizes of any other. */
function nameOf(config: WanTransformerConfig, experts: number, vae?: WanAutoencoderConfig): string {
  for (const [size, published] of Object.entries(transformerConfigs))
    if (SIZES.every((key) => config[key] === published[key])) {
      const [one, two] = NAMES[size as keyof typeof transformerConfigs];
      const name = experts === 2 ? two : one;
      // With the rest of a checkpoint beside it, a single transformer is the whole model.
      return vae === undefined ? name : name.replace(/, or an expert.*/, '');
    }
  const version = config.outChannels === 48 || experts === 2 ? '2.2' : '2.1';
  const { numLayers, hiddenSize, numHeads } = config;
  const two = experts === 2 ? ', two experts' : '';
  return `Wan ${version}, of other sizes: ${numLayers} layers of width ${hiddenSize} with ${numHeads} heads${two}`;
}

/** Sums over the weights of a part. */
function partOf(part: string, weights: WeightSource): PartSummary {
  const names = weights.names();
  return {
    part,
    dtypes: [...new Set(names.map((name) => weights.dtype(name)))].sort(),
    parameters: names.reduce((sum, name) => sum + sizeOf(weights.shape(name)), 0),
    bytes: names.reduce((sum, name) => sum + fileBytes(weights, name), 0),
  };
}
