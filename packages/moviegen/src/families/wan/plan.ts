// Wan's models as a plan loads them: on a device that allocates nothing, with zeros for weights. Configs come from a checkpoint's
// files, or are those of a published size.

import type { Device, WeightSource } from '@moviegen/tensor';
import {
  ClipVisionModel,
  isLinearWeight as isLinearOfText,
  parseClipVisionConfig,
  parseT5Config,
  T5Encoder,
  type Tokenizer,
} from '@moviegen/text';
import {
  autoencoderConfigs,
  isLinearWeight,
  loadWanTransformer,
  transformerConfigs,
  WanAutoencoder,
  WanTransformer,
} from '@moviegen/wan';
import { type ModulePrecision, modulePrecisions } from '../../checkpoint/precision.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { LoadModelsOptions, PlannedPipeline, PlannedWeights } from '../../generate/family.ts';
import { DrySource } from '../drySource.ts';
import { type ImageTowerPart, imageTower } from '../imageTower.ts';
import { schedulerOf, switchesOf, type WanConfigs, type WanSwitches } from './configs.ts';
import { defaultsOf } from './defaults.ts';
import { Experts } from './experts.ts';
import { geometryOf } from './geometry.ts';
import { WanModels } from './models.ts';
import { openWan } from './open.ts';
import { PromptEncoder, TEXT_LENGTH } from './promptStates.ts';
import { samplingOf } from './sampling.ts';

/** What a plan knows of a checkpoint. */
interface PlannedWan {
  readonly name: string;
  readonly index: WanSwitches;
  readonly configs: WanConfigs;
  readonly scheduler: unknown;
  /** CLIP's image tower, where the transformer reads one. */
  readonly imageTower?: Omit<ImageTowerPart, 'weights'> | undefined;
  /** Absent in a published size: every prompt is then as long as the encoder reads. */
  readonly tokenizer?: Tokenizer;
}

const UMT5_XXL = {
  model_type: 'umt5',
  vocab_size: 256384,
  d_model: 4096,
  num_layers: 24,
  num_heads: 64,
  d_kv: 64,
  d_ff: 10240,
  feed_forward_proj: 'gated-gelu',
  dense_act_fn: 'gelu_new',
};

/** ViT-H/14, and its file in diffusers' folders. */
const CLIP_VIT_H: Omit<ImageTowerPart, 'weights'> = {
  path: 'image_encoder',
  config: {
    model_type: 'clip_vision_model',
    hidden_size: 1280,
    intermediate_size: 5120,
    num_hidden_layers: 32,
    num_attention_heads: 16,
    image_size: 224,
    patch_size: 14,
    hidden_act: 'gelu',
  },
  processor: {},
};

/** Published sizes, with the autoencoder, the encoder and the shift that come with them. */
export const publishedPlans: Readonly<Record<string, () => PlannedPipeline>> = Object.fromEntries(
  (
    [
      ['wan2.1-t2v-1.3b', '1.3b', '2.1'],
      ['wan2.1-t2v-14b', '14b', '2.1'],
      ['wan2.2-ti2v-5b', '5b', '2.2'],
      ['wan2.2-t2v-a14b', '14b', '2.1', 'twice'],
      ['wan2.2-i2v-a14b', 'a14b-i2v', '2.1', 'twice'],
      ['wan2.1-i2v-14b', 'i2v-14b', '2.1'],
      ['wan2.1-flf2v-14b', 'flf2v-14b', '2.1'],
    ] as const
  ).map(([name, size, vae, twice]) => [
    name,
    () => {
      const transformer = transformerConfigs[size];
      const configs = {
        transformers: twice ? [transformer, transformer] : [transformer],
        vae: autoencoderConfigs[vae],
        textEncoder: parseT5Config(UMT5_XXL),
      };
      return plannedPipeline({
        name,
        index: switchesOf(configs),
        configs,
        scheduler: schedulerOf(configs),
        imageTower: transformer.imageDim === undefined ? undefined : CLIP_VIT_H,
      });
    },
  ]),
);

/** The plan of a checkpoint: the headers of its weights are read, not the weights. @throws CheckpointError */
export async function checkpointPlan(
  files: CheckpointFiles,
  signal?: AbortSignal,
  options: Pick<LoadModelsOptions, 'tokenizer' | 'parts' | 'http'> = {},
): Promise<PlannedPipeline> {
  const opened = await openWan(files, { ...options, signal });
  const { switches, configs, scheduler, textEncoder, imageEncoder: imageTower } = opened;
  await opened.close();
  return plannedPipeline({
    name: files.label || opened.transformers[0]!.path,
    index: switches,
    configs,
    scheduler,
    imageTower,
    tokenizer: textEncoder!.tokens,
  });
}

const plannedPipeline = (planned: PlannedWan): PlannedPipeline => ({
  name: planned.name,
  async load(device, { dtype, maxMemory, signal }) {
    const precisions = modulePrecisions(dtype, device);
    const weights: PlannedWeights[] = [];
    const source = (
      part: string,
      precision: ModulePrecision,
      shapes: Readonly<Record<string, readonly number[]>>,
      isLinear: (name: string) => boolean,
    ): WeightSource => {
      const dry = new DrySource(shapes, precision, isLinear);
      weights.push(...dry.weights(part));
      return dry;
    };
    const { index, configs, scheduler } = planned;
    const textWeights = source(
      'text',
      precisions.text,
      T5Encoder.weightShapes(configs.textEncoder!),
      isLinearOfText,
    );
    const transformers = configs.transformers.map((config, i) =>
      source(i === 0 ? 'dit' : 'dit 2', precisions.dit, WanTransformer.weightShapes(config), isLinearWeight),
    );
    const vaeWeights = source('vae', precisions.tae, WanAutoencoder.weightShapes(configs.vae), () => false);
    const tower = planned.imageTower && {
      ...planned.imageTower,
      weights: source(
        'image',
        precisions.text,
        ClipVisionModel.weightShapes(parseClipVisionConfig(planned.imageTower.config)),
        isLinearOfText,
      ),
    };
    const autoencoder = await WanAutoencoder.load(device, vaeWeights, configs.vae, {
      dtype: precisions.tae.dtype,
      signal,
    });
    const experts = new Experts(device, (expert, stop) =>
      loadWanTransformer(device, transformers[expert]!, configs.transformers[expert]!, {
        dtype: precisions.dit.dtype,
        maxMemory,
        signal: stop,
      }),
    );
    await experts.get(0, signal);
    const config = configs.transformers[0]!;
    const defaults = defaultsOf(index, config);
    const models = new WanModels({
      index: defaults,
      files: index,
      config,
      dtype: precisions.dit.dtype,
      prompts: promptsOf(device, textWeights, planned, { dtype: precisions.text.dtype }),
      experts,
      autoencoder,
      encodePictures:
        tower && (await imageTower(device, tower, { dtype: precisions.text.dtype }, 'penultimate')),
      geometry: geometryOf(config, configs.vae, autoencoder.factor),
      sampling: samplingOf(scheduler, defaults.sampler),
      close: () => {},
    });
    return { models, weights };
  },
});

/** The encoder of a plan; without a tokenizer, every text but the empty one is as long as is read. */
function promptsOf(
  device: Device,
  source: WeightSource,
  { configs, tokenizer }: PlannedWan,
  precision: ModulePrecision,
): PromptEncoder {
  const longest = {
    encode: (text: string) => new Array<number>(text === '' ? 1 : TEXT_LENGTH).fill(1),
  } as unknown as Tokenizer;
  return new PromptEncoder(device, source, configs.textEncoder!, tokenizer ?? longest, precision);
}
