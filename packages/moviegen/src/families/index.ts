// The families of models that a pipeline can load. A new family is a folder beside movieGen/ and a line here.

import { pathOf, readJson } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError, shown } from '../errors.ts';
import { type ModelFamily, NO_FILES } from '../generate/family.ts';
import { movieGen } from './movieGen/family.ts';
import { wan } from './wan/family.ts';
import { WAN_PIPELINES } from './wan/modelIndex.ts';

/** All families; the first one says what is wrong with a checkpoint that belongs to none. */
export const families: readonly [ModelFamily, ...ModelFamily[]] = [movieGen, wan];

/**
 * The family of a checkpoint according to its `model_index.json`, or to the `config.json` of an original repository.
 * @param files `NO_FILES` where single files are all that there is: they are of Wan
 */
export async function familyOf(files: CheckpointFiles, signal?: AbortSignal): Promise<ModelFamily> {
  if (files === NO_FILES) return wan;
  await files.check?.(signal);
  const index = await readJson(files, '', 'model_index.json', signal);
  const name = (index as { _class_name?: unknown } | null | undefined)?._class_name;
  if (typeof name === 'string' && !families.some((family) => family.recognises(index)))
    throw new CheckpointError(
      `checkpoint: ${pathOf(files, '', 'model_index.json')} is of a ${shown(name)}, which is not loaded here; these are: ${[...PIPELINES, ...WAN_PIPELINES].join(', ')}`,
    );
  return familyOfIndex(
    index ??
      (await readJson(files, '', 'config.json', signal)) ??
      (await readJson(files, 'high_noise_model', 'config.json', signal)),
  );
}

/** Classes of Movie Gen. */
const PIPELINES = ['MovieGenPipeline', 'MovieGenUpsamplerPipeline'] as const;

/** The family of a parsed `model_index.json`. */
export const familyOfIndex = (index: unknown): ModelFamily =>
  families.find((family) => family.recognises(index)) ?? families[0];
