// Movie Gen as a family of models: what its checkpoints look like, and how they are loaded and planned.

import { configs, isLinearWeight } from '@moviegen/dit';
import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import type { ModelFamily } from '../../generate/family.ts';
import { plannedPipeline } from './dryModels.ts';
import { loadModels } from './load.ts';
import { parseModelIndex } from './modelIndex.ts';
import type { MovieGenModels } from './models.ts';
import { checkpointPipeline, publishedPipeline } from './pipelineConfigs.ts';

const names = Object.keys(configs) as (keyof typeof configs)[];

/** Movie Gen. */
export const movieGen: ModelFamily<MovieGenModels> = {
  name: 'Movie Gen',
  recognises: (index) =>
    typeof index === 'object' &&
    index !== null &&
    ['MovieGenPipeline', undefined].includes((index as { _class_name?: string })._class_name),
  load: loadModels,
  plan: async (files, signal) => plannedPipeline(await checkpointPipeline(files, signal)),
  quantizable(json, path) {
    const { transformer, textEncoders } = parseModelIndex(json, path);
    return [
      { module: 'dit', folder: transformer, isLinear: isLinearWeight },
      ...Object.values(textEncoders).map((folder) => ({
        module: 'text' as const,
        folder,
        isLinear: isLinearOfText,
      })),
    ];
  },
  published: Object.fromEntries(names.map((name) => [name, () => plannedPipeline(publishedPipeline(name))])),
};
