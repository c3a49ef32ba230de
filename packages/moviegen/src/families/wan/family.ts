// Wan as a family of models: what its checkpoints look like, and how they are loaded and planned.

import type { ModelFamily } from '../../generate/family.ts';
import { loadModels } from './load.ts';
import { WAN_PIPELINES } from './modelIndex.ts';
import type { WanModels } from './models.ts';
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
  plan: checkpointPlan,
  published: publishedPlans,
};
