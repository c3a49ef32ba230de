// The weights in a folder, whatever they are called: by the names that transformers and diffusers give them, else the only file of
// weights, or the only index of shards, that is there. Not here: one file (weightsFile.ts), a model's config (modelFiles.ts).

import {
  openCheckpoint,
  quoted,
  SafetensorsError,
  ShardedSafetensors,
  type TensorSource,
} from '@moviegen/safetensors';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { pathOf } from './files.ts';
import { plainNames } from './plainNames.ts';
import { openWeights } from './weightsFile.ts';

const INDEX = /\.safetensors\.index(\.[\w-]+)?\.json$/i;
const SHARD = /-\d+-of-\d+\.safetensors$/i;
const WEIGHTS = /\.(safetensors|sft|gguf)$/i;

/**
 * Opens the weights of a folder.
 * @param options.variantNeeded `false` where a folder without the variant that was chosen has the plain weights. Default true
 * @throws CheckpointError where several files are equally good; SafetensorsError where there is none
 */
export async function openFolderWeights(
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
  { variantNeeded = true }: { readonly variantNeeded?: boolean } = {},
): Promise<TensorSource> {
  const { variant } = files;
  const source = await openVariant(files, folder, variant, signal).catch((error: unknown) => {
    if (variantNeeded || variant === undefined || !isNothing(error)) throw error;
    return openVariant(files, folder, undefined, signal);
  });
  return plainNames(source);
}

/** The same under the names in the files: `ShardedSafetensors` where there are shards. */
export const openFolderFiles = (
  files: CheckpointFiles,
  folder: string,
  signal?: AbortSignal,
): Promise<TensorSource> => openVariant(files, folder, files.variant, signal);

/** Whether an error means that no weights were found. */
const isNothing = (error: unknown): boolean =>
  error instanceof SafetensorsError && error.source === undefined;

async function openVariant(
  files: CheckpointFiles,
  folder: string,
  variant: string | undefined,
  signal?: AbortSignal,
): Promise<TensorSource> {
  const open = files.folder(folder);
  try {
    return await openCheckpoint(open, { variant, signal });
  } catch (error) {
    if (!isNothing(error) || open.list === undefined) throw error;
    const found = weightsAmong(await open.list(), variant);
    const [name, ...more] = found;
    if (name === undefined) throw error;
    if (more.length > 0)
      throw new CheckpointError(
        `checkpoint: ${pathOf(files, folder, '')} holds several files of weights, ${found.map(quoted).join(', ')}: ` +
          'choose by a word of the name (variant, --variant), or give the file in the place of the model (--transformer FILE)',
      );
    const file = await open(name, signal);
    if (file === undefined) throw error;
    return INDEX.test(name)
      ? await ShardedSafetensors.open(file, open, { signal })
      : openWeights(file, signal);
  }
}

/** Whether a file of a folder is one of weights, or an index of several. */
export const isFolderWeights = (name: string): boolean => INDEX.test(name) || WEIGHTS.test(name);

/** Whether a folder that can be listed has a file of weights. */
export async function holdsWeights(files: CheckpointFiles, folder: string): Promise<boolean> {
  return weightsAmong((await files.folder(folder).list?.()) ?? [], undefined).length > 0;
}

/** Files of a folder that hold a whole model's weights. @param variant a word that their names must have */
function weightsAmong(names: readonly string[], variant: string | undefined): string[] {
  const visible = names.filter((name) => !name.startsWith('.'));
  const word = variant && new RegExp(`(^|[._-])${variant}([._-]|$)`, 'i');
  return visible.filter((name) => isFolderWeights(name) && !SHARD.test(name) && (!word || word.test(name)));
}
