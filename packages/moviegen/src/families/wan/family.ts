// Wan as a family of models: what its checkpoints look like, and how they are loaded and planned.

import { parseScheduler } from '@moviegen/sampler';
import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import { isLinearWeight, spatialFactor } from '@moviegen/wan';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { CheckpointSummary, ModelFamily } from '../../generate/family.ts';
import { defaultsOf } from './defaults.ts';
import { geometryOf, TEMPORAL } from './geometry.ts';
import { loadModels } from './load.ts';
import { parseWanIndex, WAN_PIPELINES } from './modelIndex.ts';
import { jobsOf, type WanModels } from './models.ts';
import { openWan } from './open.ts';
import { checkpointPlan, publishedPlans } from './plan.ts';

/** Wan 2.1 and 2.2. */
export const wan: ModelFamily<WanModels> = {
  name: 'Wan',
  recognises: (index) =>
    typeof index === 'object' &&
    index !== null &&
    [...WAN_PIPELINES, 'WanModel', 'WanTransformer3DModel'].includes(
      String((index as { _class_name?: unknown })._class_name),
    ),
  load: loadModels,
  summary,
  open: openWan,
  plan: checkpointPlan,
  quantizable(json, path) {
    const { transformer, transformer2, textEncoder } = parseWanIndex(json, path);
    const experts = [transformer, ...(transformer2 === undefined ? [] : [transformer2])];
    return [
      ...experts.map((folder) => ({ module: 'dit' as const, folder, isLinear: isLinearWeight })),
      { module: 'text', folder: textEncoder, isLinear: isLinearOfText },
    ];
  },
  published: publishedPlans,
};

/** What a checkpoint can do, by its transformer's channels; the headers of its weights are read, but the text encoder's. */
async function summary(files: CheckpointFiles, signal?: AbortSignal): Promise<CheckpointSummary> {
  const opened = await openWan(files, { textEncoder: false, signal });
  await opened.close();
  const { configs, switches, scheduler } = opened;
  const config = configs.transformers[0]!;
  const generation = {
    defaults: defaultsOf(switches, config),
    multiple: geometryOf(config, configs.vae, spatialFactor(configs.vae)).multiple,
    frameStep: TEMPORAL,
    shift: parseScheduler(scheduler).shift,
  };
  return { kind: 'Wan', jobs: jobsOf(config, switches), tasks: [], generation };
}
