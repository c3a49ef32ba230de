// What the checkpoint can do, by its configs alone: they are read from the browser's storage, or else from the server, before
// the model itself is fetched.

import { blobSource } from '@moviegen/safetensors';
import { checkpointSummary, jobNames } from 'moviegen';
import type { Abilities } from '../given.ts';
import { fetchVerified, listOf } from './fetchCheckpoint.ts';
import { listedFiles } from './listedFiles.ts';
import type { Store } from './store.ts';

/** @param base the checkpoint's folder on the server @throws ProblemError, CheckpointError */
export async function abilitiesOf(
  base: URL,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Abilities> {
  const listed = listedFiles(await listOf(base, store, signal));
  const files = {
    label: 'checkpoint',
    folder: (folder: string) => async (name: string) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      const file = listed.find((one) => one.path === path);
      if (file === undefined) return undefined;
      const kept = await store?.get(file.sum);
      return blobSource(kept ?? (await fetchVerified(base, file, undefined, signal, () => {})), path);
    },
  };
  const { jobs, tasks } = await checkpointSummary(files, { signal });
  return { jobs, tasks, named: jobNames(jobs) };
}
