// A model of the hub as a checkpoint's files: each comes out of the cache, and into it when it is first opened, so that only what a
// load needs is downloaded. Not here: which models the hub has (repository.ts), how a file comes (download.ts).

import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { fileSource } from '@moviegen/safetensors/node';
import type { CheckpointFiles, DownloadProgress, FilesOptions } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import type { HubPlace } from '../../hubPlace.ts';
import { bytesHeld, fetchFile } from './download.ts';
import { remoteSource } from './remote.ts';
import { type HubFile, openRepository, type Repository } from './repository.ts';

/** The files of a model of the hub. */
export interface HubFiles extends CheckpointFiles {
  /** Where they are, or will be, on this machine, and their paths below. */
  located(signal?: AbortSignal): Promise<{ readonly folder: string; readonly paths: readonly string[] }>;
}

/** The files of a model of the hub, or of a folder in it. */
export function hubFiles(place: HubPlace, options: FilesOptions): HubFiles {
  const { id, folder: root } = place;
  const { revision = 'main', download = true } = options;
  const downloads = new Downloads(options);
  let opening: Promise<Repository> | undefined;
  let cachedOnly = '';
  const opened = async (signal?: AbortSignal): Promise<Repository> => {
    opening ??= openRepository(place, revision, { ...options, signal });
    try {
      const repository = await opening;
      if (repository.cachedOnly !== undefined)
        cachedOnly = `in the cache ${repository.cache.root}, and ${repository.cachedOnly}`;
      return repository;
    } catch (error) {
      opening = undefined; // the next caller may have more luck
      throw error;
    }
  };
  return {
    label: root === '' ? id : `${id}/${root}`,
    async check(signal) {
      const { files } = await opened(signal);
      if (root === '' || [...files.keys()].some((path) => path === root || path.startsWith(`${root}/`)))
        return;
      throw new CheckpointError(
        `hub: there is no folder ${id}/${root} here, and the model ${id} of the hub has no folder ${root} at ${revision}`,
      );
    },
    absence: () => cachedOnly,
    located: async (signal) => {
      const { cache, commit, files } = await opened(signal);
      const start = root === '' ? '' : `${root}/`;
      const below = [...files.keys()].filter((path) => path.startsWith(start));
      return { folder: cache.pointer(commit, root), paths: below.map((path) => path.slice(start.length)) };
    },
    folder: (name) => {
      const folder = posix.join(root, name).replace(/^\.$/, '');
      const open = async (file: string, signal?: AbortSignal) => {
        const repository = await opened(signal);
        const { cache, commit, files } = repository;
        const found = files.get(folder === '' ? file : `${folder}/${file}`);
        if (found === undefined) return undefined;
        const path = cache.pointer(commit, found.path);
        if (!existsSync(path)) {
          if (repository.cachedOnly !== undefined) return undefined; // a link to a blob that was removed
          if (!download) return remoteSource(repository, found, options);
          await downloads.take(repository, found, signal);
        }
        if (repository.cachedOnly === undefined) await cache.keepRef(revision, commit);
        return fileSource(path);
      };
      return Object.assign(open, { list: async () => namesIn(await opened(), folder) });
    },
  };
}

/** The names of files in a folder, without those below. */
function namesIn({ files }: Repository, folder: string): string[] {
  const start = folder === '' ? 0 : folder.length + 1;
  return [...files.keys()]
    .filter((path) => path.lastIndexOf('/') === start - 1 && path.startsWith(folder))
    .map((path) => path.slice(start))
    .sort();
}

/** Downloads that run one after the other, and how far they are together. */
class Downloads {
  readonly #options: FilesOptions;
  readonly #counted = new Set<string>();
  #turn: Promise<void> = Promise.resolve();
  #bytes = 0;
  #totalBytes = 0;
  #began = 0;

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  take(repository: Repository, file: HubFile, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#turn.then(() => this.#fetched(repository, file, signal));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #fetched(repository: Repository, file: HubFile, signal: AbortSignal | undefined): Promise<void> {
    const { onDownload } = this.#options;
    for (const one of setOf(repository, file)) {
      if (this.#counted.has(one.path)) continue;
      this.#counted.add(one.path);
      if (!existsSync(repository.cache.blob(one.etag)))
        this.#totalBytes += one.bytes - (await bytesHeld(repository, one));
    }
    this.#began ||= performance.now();
    const onBytes = (bytes: number) => {
      this.#bytes += bytes;
      const seconds = (performance.now() - this.#began) / 1000;
      const told: DownloadProgress = {
        phase: 'download',
        file: `${repository.cache.id}/${file.path}`,
        bytes: this.#bytes,
        totalBytes: Math.max(this.#totalBytes, this.#bytes),
        bytesPerSecond: this.#bytes / seconds,
      };
      onDownload?.(told);
    };
    await fetchFile(repository, file, { ...this.#options, signal, onBytes });
  }
}

/** A file, or of a shard all shards: whoever opens one opens them all. */
function setOf({ files }: Repository, file: HubFile): HubFile[] {
  const shard = /^(.*-)\d{5}(-of-\d{5}\..*)$/.exec(file.path);
  if (shard === null) return [file];
  const [, before = '', after = ''] = shard;
  return [...files.values()].filter(
    ({ path }) => path.startsWith(before) && path.endsWith(after) && path.length === file.path.length,
  );
}
