// Movie Gen as a family of models: what its checkpoints look like, and how they are loaded and planned.

import { configs } from '@moviegen/dit';
import type { ModelFamily } from '../../generate/family.ts';
import { plannedPipeline } from './dryModels.ts';
import { loadModels } from './load.ts';
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
  plan: async (files, signal, options) =>
    plannedPipeline(await checkpointPipeline(files, { ...options, signal })),
  published: Object.fromEntries(names.map((name) => [name, () => plannedPipeline(publishedPipeline(name))])),
};
