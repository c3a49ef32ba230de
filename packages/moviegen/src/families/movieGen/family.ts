// Movie Gen as a family of models: what its checkpoints look like, and how they are loaded and planned.

import { configs, isLinearWeight, parseConfig } from '@moviegen/dit';
import { compression, parseConfig as parseTaeConfig } from '@moviegen/tae';
import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import { missing, readJson } from '../../checkpoint/files.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { CheckpointSummary, ModelFamily } from '../../generate/family.ts';
import { plannedPipeline } from './dryModels.ts';
import { geometryOf } from './geometry.ts';
import { jobsOf } from './given.ts';
import { loadModels } from './load.ts';
import { parseModelIndex } from './modelIndex.ts';
import type { MovieGenModels } from './models.ts';
import { openMovieGen } from './open.ts';
import { checkpointPipeline, publishedPipeline } from './pipelineConfigs.ts';
import { isUpsampler, parseUpsamplerIndex } from './upsamplerIndex.ts';

/** Sizes of text to video. */
const names = (Object.keys(configs) as (keyof typeof configs)[]).filter(
  (name) => !configs[name].conditioning,
);

/** Movie Gen. */
export const movieGen: ModelFamily<MovieGenModels> = {
  name: 'Movie Gen',
  recognises: (index) =>
    typeof index === 'object' &&
    index !== null &&
    ['MovieGenPipeline', 'MovieGenUpsamplerPipeline', undefined].includes(
      (index as { _class_name?: string })._class_name,
    ),
  load: loadModels,
  summary,
  open: (files, { signal }) =>
    openMovieGen(
      files,
      (json, path) => (isUpsampler(json) ? parseUpsamplerIndex(json, path) : parseModelIndex(json, path)),
      { signal },
    ),
  plan: async (files, signal, options) =>
    plannedPipeline(await checkpointPipeline(files, { ...options, signal })),
  quantizable(json, path) {
    const { transformer, textEncoders, imageEncoder } = parseModelIndex(json, path);
    return [
      { module: 'dit', folder: transformer, isLinear: isLinearWeight },
      ...[...Object.values(textEncoders), ...(imageEncoder === undefined ? [] : [imageEncoder])].map(
        (folder) => ({
          module: 'text' as const,
          folder,
          isLinear: isLinearOfText,
        }),
      ),
    ];
  },
  published: Object.fromEntries(names.map((name) => [name, () => plannedPipeline(publishedPipeline(name))])),
};

/** What a checkpoint can do by the configs of its transformer and its autoencoder. */
async function summary(files: CheckpointFiles, signal?: AbortSignal): Promise<CheckpointSummary> {
  const json = async (folder: string, name: string) => {
    const value = await readJson(files, folder, name, signal);
    if (value === undefined) throw await missing(files, folder, name, signal);
    return value;
  };
  const index = await json('', 'model_index.json');
  if (isUpsampler(index)) {
    const { scale, window, tile, sampler } = parseUpsamplerIndex(index);
    const upscaling = { scale, window, tile, sampler };
    return { kind: 'Movie Gen, spatial upsampler', jobs: ['upscale'], tasks: [], upscaling };
  }
  const { transformer, tae, ...defaults } = parseModelIndex(index);
  const config = parseConfig(await json(transformer, 'config.json'));
  const taeConfig = parseTaeConfig(await json(tae, 'config.json'));
  const { multiple } = geometryOf(config, { factor: compression(taeConfig), config: taeConfig });
  const { sampler, video, prompts } = defaults;
  const generation = { defaults: { sampler, video, prompts }, multiple, frameStep: 1 };
  return { kind: 'Movie Gen', jobs: jobsOf(config), tasks: config.tasks, generation };
}
