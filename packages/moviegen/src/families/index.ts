// The families of models that a pipeline can load. A new family is a folder beside movieGen/ and a line here.

import { readJson } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { type ModelFamily, NO_FILES } from '../generate/family.ts';
import { movieGen } from './movieGen/family.ts';
import { wan } from './wan/family.ts';

/** All families; the first one says what is wrong with a checkpoint that belongs to none. */
export const families: readonly [ModelFamily, ...ModelFamily[]] = [movieGen, wan];

/**
 * The family of a checkpoint according to its `model_index.json`, or to the `config.json` of an original repository.
 * @param files `NO_FILES` where single files are all that there is: they are of Wan
 */
export async function familyOf(files: CheckpointFiles, signal?: AbortSignal): Promise<ModelFamily> {
  if (files === NO_FILES) return wan;
  await files.check?.(signal);
  return familyOfIndex(
    (await readJson(files, '', 'model_index.json', signal)) ??
      (await readJson(files, '', 'config.json', signal)) ??
      (await readJson(files, 'high_noise_model', 'config.json', signal)),
  );
}

/** The family of a parsed `model_index.json`. */
export const familyOfIndex = (index: unknown): ModelFamily =>
  families.find((family) => family.recognises(index)) ?? families[0];
