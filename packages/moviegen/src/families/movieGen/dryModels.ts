// The models of a plan, loaded on a device that allocates nothing. Not here: their configs (pipelineConfigs.ts), the weights
// that they are given (drySource.ts).

import { DiT, isLinearWeight as isLinearOfDiT, loadDiT, type TextEncoderName } from '@moviegen/dit';
import { TAE } from '@moviegen/tae';
import type { Device, WeightSource } from '@moviegen/tensor';
import {
  ClipTextModel,
  ClipVisionModel,
  isLinearWeight as isLinearOfText,
  T5Encoder,
  TextEncoders,
} from '@moviegen/text';
import {
  autoencoderPrecision,
  type ModuleName,
  type ModulePrecision,
  modulePrecisions,
} from '../../checkpoint/precision.ts';
import type { LoadModelsOptions, PlannedPipeline, PlannedWeights } from '../../generate/family.ts';
import { DrySource } from '../drySource.ts';
import { imageTower } from '../imageTower.ts';
import { MovieGenModels } from './models.ts';
import type { EncoderConfig, PipelineConfigs, ReadIndex } from './pipelineConfigs.ts';
import { UpsamplerModels } from './upsampler.ts';
import type { UpsamplerIndex } from './upsamplerIndex.ts';

/** A pipeline that the planner can load. */
export const plannedPipeline = (pipeline: PipelineConfigs): PlannedPipeline => ({
  name: pipeline.name,
  load: (device, { dtype, ...options }) =>
    dryModels(device, pipeline, precisionsOf(pipeline, modulePrecisions(dtype, device)), options),
});

type Precisions = Readonly<Record<ModuleName, ModulePrecision>>;

const precisionsOf = ({ taeJson }: PipelineConfigs, asked: Precisions): Precisions => ({
  ...asked,
  tae: autoencoderPrecision(taeJson, asked.tae),
});

/** Loads the models in the order of `loadModels`, with zeros for weights. */
export async function dryModels(
  device: Device,
  pipeline: PipelineConfigs,
  precisions: Precisions,
  options: Pick<LoadModelsOptions, 'maxMemory' | 'signal'>,
): Promise<{ readonly models: MovieGenModels; readonly weights: readonly PlannedWeights[] }> {
  const { text, dit, tae, encodePictures, weights } = await dryParts(device, pipeline, precisions, options);
  return { models: new MovieGenModels(pipeline.index, text, dit, tae, encodePictures, () => {}), weights };
}

/** The same of an upsampler. */
export async function dryUpsampler(
  device: Device,
  pipeline: PipelineConfigs<UpsamplerIndex>,
  { dtype, ...options }: Pick<LoadModelsOptions, 'dtype' | 'maxMemory' | 'signal'>,
): Promise<{ readonly models: UpsamplerModels; readonly weights: readonly PlannedWeights[] }> {
  const precisions = modulePrecisions(dtype, device);
  const { text, dit, tae, weights } = await dryParts(device, pipeline, precisions, options);
  return { models: new UpsamplerModels(pipeline.index, text, dit, tae, () => {}), weights };
}

async function dryParts(
  device: Device,
  pipeline: PipelineConfigs<ReadIndex>,
  precisions: Readonly<Record<ModuleName, ModulePrecision>>,
  { maxMemory, signal }: Pick<LoadModelsOptions, 'maxMemory' | 'signal'>,
) {
  const weights: PlannedWeights[] = [];
  const options = (module: ModuleName) => ({ dtype: precisions[module].dtype, signal });
  const source = (
    part: PlannedWeights['part'],
    module: ModuleName,
    shapes: Readonly<Record<string, readonly number[]>>,
    isLinear: (name: string) => boolean,
  ) => {
    const dry = new DrySource(shapes, precisions[module], isLinear);
    weights.push(...dry.weights(part));
    return dry;
  };
  const { ul2, metaclip, byt5, index } = pipeline;
  const sources = {
    ul2: ul2 && source('ul2', 'text', T5Encoder.weightShapes(ul2.config), isLinearOfText),
    metaclip:
      metaclip && source('metaclip', 'text', ClipTextModel.weightShapes(metaclip.config), isLinearOfText),
    byt5: byt5 && source('byt5', 'text', T5Encoder.weightShapes(byt5.config), isLinearOfText),
  };
  const filesOf = (encoder: EncoderConfig<unknown> | undefined, weights: WeightSource | undefined) =>
    encoder && weights && { config: encoder.json, weights, tokenizer: undefined, ...encoder.tokenizer };
  const tokenized = [ul2, metaclip].every((encoder) => !encoder || encoder.tokenizer);
  const text = tokenized
    ? await TextEncoders.load(
        device,
        {
          ul2: filesOf(ul2, sources.ul2),
          metaclip: filesOf(metaclip, sources.metaclip),
          byt5: filesOf(byt5, sources.byt5),
        },
        { ...options('text'), maxLength: index.maxLength, stripQuoted: index.stripQuoted },
      )
    : await longestText(device, pipeline, sources, options('text'));
  const dit = await loadDiT(
    device,
    source('dit', 'dit', DiT.weightShapes(pipeline.dit), isLinearOfDiT),
    pipeline.dit,
    { ...options('dit'), maxMemory },
  );
  const tae = await TAE.load(
    device,
    source('tae', 'tae', TAE.weightShapes(pipeline.tae), () => false),
    pipeline.tae,
    options('tae'),
  );
  const { vision } = pipeline;
  const encodePictures =
    vision &&
    (await imageTower(
      device,
      {
        path: 'image_encoder',
        config: vision.json,
        weights: source('vision', 'text', ClipVisionModel.weightShapes(vision.config), isLinearOfText),
        processor: vision.processor,
      },
      precisions.text,
      'tokens',
    ));
  return { text, dit, tae, encodePictures, weights };
}

/** Encoders without tokenizers: every prompt but the null prompt has as many tokens as they take at most. */
async function longestText(
  device: Device,
  { ul2, metaclip, byt5 }: PipelineConfigs<ReadIndex>,
  sources: Readonly<Partial<Record<TextEncoderName, WeightSource | undefined>>>,
  options: { readonly dtype: 'f32' | 'f16' },
): Promise<TextEncoders> {
  const models = {
    ul2: ul2 && (await T5Encoder.load(device, sources.ul2!, ul2.config, options)),
    metaclip: metaclip && (await ClipTextModel.load(device, sources.metaclip!, metaclip.config, options)),
    byt5: byt5 && (await T5Encoder.load(device, sources.byt5!, byt5.config, options)),
  };
  const lengths = { ul2: [1, 512], metaclip: [2, 256], byt5: [0, 100] } as const;
  const all = Object.entries(models).filter(([, model]) => model !== undefined);
  const text = {
    encode: (prompts: readonly string[]) =>
      Object.fromEntries(
        all.flatMap(([name, model]) => {
          const [none, most] = lengths[name as TextEncoderName];
          const ids = prompts.map((prompt) => new Array<number>(prompt === '' ? none : most).fill(1));
          return ids.some((text) => text.length > 0) ? [[name, model!.forward(ids)]] : [];
        }),
      ),
    dispose: () => {
      for (const [, model] of all) model!.dispose();
    },
  };
  return text as unknown as TextEncoders;
}
