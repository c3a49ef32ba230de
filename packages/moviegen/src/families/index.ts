// The families of models that a pipeline can load. A new family is a folder beside movieGen/ and a line here.

import { readJson } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import type { ModelFamily } from '../generate/family.ts';
import { movieGen } from './movieGen/family.ts';

/** All families; the first one says what is wrong with a checkpoint that belongs to none. */
export const families: readonly [ModelFamily, ...ModelFamily[]] = [movieGen];

/** The family of a checkpoint according to its `model_index.json`. */
export async function familyOf(files: CheckpointFiles, signal?: AbortSignal): Promise<ModelFamily> {
  await files.check?.();
  const index = await readJson(files, '', 'model_index.json', signal);
  return families.find((family) => family.recognises(index)) ?? families[0];
}
