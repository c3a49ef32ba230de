// What a model can do and how large it is, before it is fetched: by its configs and headers, which are read from the browser's
// storage, or else from where it is.

import { checkpointSummary, jobNames } from 'moviegen';
import type { Abilities, ModelPlace } from '../model.ts';
import { bytesOf } from './fetchCheckpoint.ts';
import { listingOf, reading } from './listing.ts';
import type { Store } from './store.ts';

/** @throws ProblemError, CheckpointError */
export async function abilitiesOf(
  place: ModelPlace,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Abilities> {
  const listing = await listingOf(place, store, signal);
  const summary = await checkpointSummary(reading(listing, place, store), { signal });
  const kept = await Promise.all(listing.files.map(async ({ name }) => (await store?.get(name))?.size));
  const here = kept.reduce<number>((sum, size = 0) => sum + size, 0);
  const away = listing.files.filter((_, i) => kept[i] === undefined);
  const missing = await bytesOf({ base: listing.base, place, signal }, away);
  const { quota, usage = 0 } = await navigator.storage.estimate();
  const room = quota === undefined ? undefined : Math.max(0, quota - usage);
  return { ...summary, named: jobNames(summary.jobs), size: { bytes: here + missing, missing, room } };
}
