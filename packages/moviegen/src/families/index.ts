// The families of models that a pipeline can load. A new family is a folder beside movieGen/ and a line here.

import { readJson } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import type { ModelFamily } from '../generate/family.ts';
import { movieGen } from './movieGen/family.ts';
import { wan } from './wan/family.ts';

/** All families; the first one says what is wrong with a checkpoint that belongs to none. */
export const families: readonly [ModelFamily, ...ModelFamily[]] = [movieGen, wan];

/** The family of a checkpoint according to its `model_index.json`. */
export async function familyOf(files: CheckpointFiles, signal?: AbortSignal): Promise<ModelFamily> {
  await files.check?.(signal);
  return familyOfIndex(await readJson(files, '', 'model_index.json', signal));
}

/** The family of a parsed `model_index.json`. */
export const familyOfIndex = (index: unknown): ModelFamily =>
  families.find((family) => family.recognises(index)) ?? families[0];
