// Wan as a family of models: what its checkpoints look like, and how they are loaded and planned.

import type { TensorSource } from '@moviegen/safetensors';
import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import { isLinearWeight } from '@moviegen/wan';
import { identifyWeights } from '../../checkpoint/identify.ts';
import type { ModelFamily } from '../../generate/family.ts';
import { asFolder } from './asFolder.ts';
import { loadModels } from './load.ts';
import { parseWanIndex, WAN_PIPELINES } from './modelIndex.ts';
import type { WanModels } from './models.ts';
import { openWan } from './open.ts';
import { checkpointPlan, publishedPlans } from './plan.ts';
import { summary } from './summary.ts';

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
      ...experts.map((folder) => ({ module: 'dit' as const, folder, isLinear: isLinearWeight, isPlain })),
      { module: 'text', folder: textEncoder, isLinear: isLinearOfText, isPlain },
    ];
  },
  asFolder,
  published: publishedPlans,
};

/** Whether weights have the names of diffusers or transformers, and no scales beside them. */
function isPlain(weights: TensorSource): boolean {
  const layout = identifyWeights(weights)?.layout;
  return layout === 'diffusers' || layout === 'transformers';
}
