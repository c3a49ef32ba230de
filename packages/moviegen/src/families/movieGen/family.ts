// Movie Gen as a family of models: what its checkpoints look like, and how they are loaded and planned.

import { configs, isLinearWeight, parseConfig } from '@moviegen/dit';
import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import { missing, readJson } from '../../checkpoint/files.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { CheckpointSummary, ModelFamily } from '../../generate/family.ts';
import { plannedPipeline } from './dryModels.ts';
import { jobsOf } from './given.ts';
import { loadModels } from './load.ts';
import { parseModelIndex } from './modelIndex.ts';
import type { MovieGenModels } from './models.ts';
import { checkpointPipeline, publishedPipeline } from './pipelineConfigs.ts';
import { isUpsampler } from './upsamplerIndex.ts';

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

/** What a checkpoint can do by its transformer's config. */
async function summary(files: CheckpointFiles, signal?: AbortSignal): Promise<CheckpointSummary> {
  const index = await readJson(files, '', 'model_index.json', signal);
  if (index === undefined) throw await missing(files, '', 'model_index.json', signal);
  if (isUpsampler(index)) return { kind: 'Movie Gen, spatial upsampler', jobs: ['upscale'], tasks: [] };
  const { transformer } = parseModelIndex(index);
  const json = await readJson(files, transformer, 'config.json', signal);
  if (json === undefined) throw await missing(files, transformer, 'config.json', signal);
  const config = parseConfig(json);
  return { kind: 'Movie Gen', jobs: jobsOf(config), tasks: config.tasks };
}
