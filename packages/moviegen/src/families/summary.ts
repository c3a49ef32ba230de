// What a checkpoint can do, by its configs alone.

import { type FilesOptions, openFiles } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import type { CheckpointSummary } from '../generate/family.ts';
import { familyOf } from './index.ts';

/**
 * What a checkpoint is and can do: its configs are read, and nothing is loaded.
 * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
 * @throws CheckpointError
 */
export async function checkpointSummary(
  source: string | URL | CheckpointFiles,
  options: FilesOptions & { readonly signal?: AbortSignal } = {},
): Promise<CheckpointSummary> {
  const { signal } = options;
  const files = openFiles(source, options);
  return (await familyOf(files, signal)).summary(files, signal);
}
