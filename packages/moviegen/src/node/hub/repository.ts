// What a model of the hub is at a revision: its commit and its files, as the hub lists them, or in the cache alone. Not here: the
// bytes of files (download.ts), where they are kept (cache.ts).

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, shown } from '../../errors.ts';
import type { HubPlace } from '../../hubPlace.ts';
import { Cache, isCommit } from './cache.ts';
import { UnreachableError } from './refusal.ts';
import { type RequestOptions, request } from './request.ts';
import { hubAddress, isOffline } from './settings.ts';

/** A file of a model. */
export interface HubFile {
  /** With its folders: `tae/config.json`. */
  readonly path: string;
  readonly bytes: number;
  /** What the cache names its content by: the SHA-256 of a large file, git's SHA-1 of a small one. */
  readonly etag: string;
}

/** A model at a commit. */
export interface Repository {
  readonly cache: Cache;
  readonly commit: string;
  readonly files: ReadonlyMap<string, HubFile>;
  /** Set where only the cache is used: why, for messages. */
  readonly cachedOnly?: string;
}

/** Names in a repository that stay below its folder on every system. */
const BELOW = /^(?!.*(^|\/)\.{0,2}(\/|$))[^\\:\0]+$/;

/**
 * Asks the hub for a model at a revision; where it cannot be reached, or the user is offline, the cache.
 * @throws CheckpointError of one line; the signal's reason
 */
export async function openRepository(
  place: HubPlace,
  revision: string,
  options: RequestOptions,
): Promise<Repository> {
  if (typeof revision !== 'string' || !/^[\w.-]+(\/[\w.-]+)*$/.test(revision) || revision.includes('..'))
    throw new CheckpointError(`hub: revision must be a branch, a tag or a commit, got ${shown(revision)}`);
  const cache = new Cache(place.id);
  if (isOffline()) return cached(cache, place, revision, 'HF_HUB_OFFLINE is set');
  try {
    return await listed(cache, place, revision, options);
  } catch (error) {
    if (!(error instanceof UnreachableError) || cache.commitOf(revision) === undefined) throw error;
    return cached(cache, place, revision, `${hubAddress().host} cannot be reached`);
  }
}

async function listed(
  cache: Cache,
  { id, folder }: HubPlace,
  revision: string,
  options: RequestOptions,
): Promise<Repository> {
  const { listFiles, modelInfo } = await import('@huggingface/hub');
  const hubUrl = String(hubAddress()).replace(/\/$/, '');
  const ask =
    (at: string): typeof fetch =>
    async (url) =>
      request(new URL(String(url)), { id, revision: at, folder }, options, { Accept: 'application/json' });
  try {
    const info = { name: id, revision, hubUrl, fetch: ask(revision) };
    const { sha: commit } = await modelInfo({ ...info, additionalFields: ['sha'] });
    if (!isCommit(commit)) throw new SyntaxError('it names no commit');
    const files = new Map<string, HubFile>();
    const tree = listFiles({ repo: id, recursive: true, revision: commit, hubUrl, fetch: ask(revision) });
    for await (const { type, path, size, oid, lfs } of tree) {
      const etag = lfs?.oid ?? oid;
      if (type !== 'file' || etag === undefined || !/^\w+$/.test(etag) || !BELOW.test(path)) continue;
      files.set(path, { path, etag, bytes: lfs?.size ?? size });
    }
    return { cache, commit, files };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new CheckpointError(
      `hub: ${hubAddress().host} does not answer as the hub does for ${id}: ${error.message}`,
      { cause: error },
    );
  }
}

/** What the cache holds of a model. */
function cached(cache: Cache, { id, folder: below }: HubPlace, revision: string, why: string): Repository {
  const commit = cache.commitOf(revision);
  const folder = commit === undefined ? undefined : cache.snapshot(commit);
  if (commit === undefined || folder === undefined)
    throw new CheckpointError(
      `hub: there is no folder ${[id, below].filter(Boolean).join('/')} here, and the model ${id} at ${revision} is not in the cache ${cache.root}, and ${why}: it cannot be downloaded`,
    );
  const files = new Map<string, HubFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name)
      .slice(folder.length + 1)
      .replaceAll('\\', '/');
    files.set(path, { path, etag: '', bytes: 0 });
  }
  return { cache, commit, files, cachedOnly: why };
}
