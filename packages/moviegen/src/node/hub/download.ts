// One file of the hub into its cache: continued where an earlier try broke off, compared with its checksum, and under its name only
// when it is whole. Every byte is written at its own place and the whole is hashed, so that two processes that write the same
// file do no harm.

import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream, existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { resolveAddress } from '../../hubPlace.ts';
import { withLock } from './lock.ts';
import { UnreachableError, type Wanted } from './refusal.ts';
import type { HubFile, Repository } from './repository.ts';
import { type RequestOptions, request } from './request.ts';
import { hubAddress } from './settings.ts';

/** Options of a download. */
export interface FetchOptions extends RequestOptions {
  /** Is told bytes that have arrived since the last call; less than none where a try begins anew. */
  readonly onBytes?: (bytes: number) => void;
}

/** A file that is being fetched. */
interface Fetching {
  readonly file: HubFile;
  readonly wanted: Wanted;
  readonly url: URL;
  readonly handle: FileHandle;
  readonly options: FetchOptions;
}

/** Bytes of a file that lie in the cache from an earlier try. */
export async function bytesHeld({ cache }: Repository, { etag, bytes }: HubFile): Promise<number> {
  const found = await stat(incompleteOf(cache.blob(etag))).catch(() => undefined);
  return found === undefined ? 0 : Math.min(found.size, bytes);
}

/** Not the name that older versions of the Python library append to, which would not see that we write too. */
const incompleteOf = (blob: string): string => `${blob}.moviegen.incomplete`;

/**
 * Fetches a file into the cache.
 * @throws CheckpointError of one line, or the signal's reason; what has arrived is kept for the next try.
 */
export async function fetchFile(repository: Repository, file: HubFile, options: FetchOptions): Promise<void> {
  const { cache, commit } = repository;
  const blob = cache.blob(file.etag);
  const locks = join(cache.root, '.locks', `models--${cache.id.replace('/', '--')}`);
  try {
    await mkdir(dirname(blob), { recursive: true });
    await mkdir(locks, { recursive: true });
    await withLock(join(locks, `${file.etag}.moviegen.lock`), options.signal, async () => {
      const isNew = !existsSync(blob);
      if (isNew) await fetchBlob(repository, file, blob, options);
      await cache.link(file.etag, commit, file.path, isNew);
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw await full(repository, file, blob);
    if (code === undefined || syscall === undefined) throw cause;
    throw new CheckpointError(
      `hub: the cache ${cache.root} cannot be written to (${message}): set HF_HOME to a folder that can`,
      { cause },
    );
  }
}

async function fetchBlob(
  repository: Repository,
  file: HubFile,
  blob: string,
  options: FetchOptions,
): Promise<void> {
  const { id } = repository.cache;
  const path = incompleteOf(blob);
  const wanted = { id, revision: repository.commit, path: file.path };
  const url = resolveAddress(hubAddress(), id, repository.commit, file.path);
  for (let again = false; ; again = true) {
    const held = await bytesHeld(repository, file);
    await checkSpace(repository, file, file.bytes - held);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
    let isRight: boolean;
    try {
      const hash = await filled({ file, wanted, url, handle, options }, path, held);
      isRight = hash === undefined || hash.digest('hex') === file.etag;
      await handle.truncate(file.bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (isRight) {
      await rename(path, blob).catch((error: unknown) => {
        if (!existsSync(blob)) throw error; // otherwise another process has just put it there
      });
      return;
    }
    await rm(path, { force: true });
    options.onBytes?.(held - file.bytes);
    if (again || held === 0)
      throw new CheckpointError(
        `hub: ${id}/${file.path} is not what the hub lists: its checksum differs from ${file.etag}; try again later`,
      );
  }
}

/** Fills a file from the bytes that are there on. @returns the hash of it all; undefined where the etag is not a checksum */
async function filled(fetching: Fetching, path: string, held: number): Promise<Hash | undefined> {
  const { file, wanted, options } = fetching;
  const { retries = 3, signal } = options;
  let hash = hashOf(file);
  if (hash !== undefined && held > 0)
    for await (const piece of createReadStream(path, { end: held - 1, ...(signal && { signal }) }))
      hash.update(piece);
  let at = held;
  for (let failed = 0; at < file.bytes; ) {
    const before = at;
    const response = await asked(fetching, at);
    if (response.status !== 206 && at > 0) {
      options.onBytes?.(-at); // a server without ranges
      at = 0;
      hash = hashOf(file);
    }
    let broken: unknown = new Error('the transfer ended early');
    try {
      for await (const piece of response.body ?? []) {
        if (at + piece.length > file.bytes)
          throw new CheckpointError(
            `hub: ${wanted.id}/${file.path} is longer than the hub lists: expected ${file.bytes} bytes`,
          );
        for (let done = 0; done < piece.length; )
          done += (await fetching.handle.write(piece, done, piece.length - done, at + done)).bytesWritten;
        hash?.update(piece);
        at += piece.length;
        options.onBytes?.(piece.length);
      }
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof CheckpointError || (cause as NodeJS.ErrnoException).syscall === 'write')
        throw cause;
      broken = cause;
    }
    failed = at > before ? 0 : failed + 1;
    if (failed > retries)
      throw new UnreachableError(
        `hub: the transfer of ${wanted.id}/${file.path} broke off ${failed} times at ${at} of ${file.bytes} bytes: ` +
          `${(broken as Error).message}; what has arrived is kept`,
        { cause: broken },
      );
  }
  return hash;
}

/** Asks for a file from a byte on. */
async function asked({ file, wanted, url, options }: Fetching, at: number): Promise<Response> {
  const response = await request(url, wanted, options, at > 0 ? { Range: `bytes=${at}-` } : {});
  if (response.status === 200) return response;
  const range = response.headers.get('content-range') ?? '';
  if (response.status === 206 && range === `bytes ${at}-${file.bytes - 1}/${file.bytes}`) return response;
  await response.body?.cancel();
  throw new CheckpointError(
    `hub: ${wanted.id}/${file.path}: the server sent another range: got status ${response.status}, ${JSON.stringify(range)}, ` +
      `expected bytes ${at} to ${file.bytes - 1}`,
  );
}

/** The hash that a file's etag is of: SHA-256, or git's of its header and the bytes. */
function hashOf({ etag, bytes }: HubFile): Hash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return createHash('sha256');
  if (/^[0-9a-f]{40}$/.test(etag)) return createHash('sha1').update(`blob ${bytes}\0`);
  return undefined;
}

/** @throws CheckpointError where the disk has no room for the bytes that are to come */
async function checkSpace({ cache }: Repository, file: HubFile, needed: number): Promise<void> {
  const disk = await statfs(cache.folder).catch(() => undefined);
  if (disk === undefined || disk.bavail * disk.bsize >= needed) return;
  throw noRoom(`${cache.id}/${file.path}`, cache.root, needed, disk.bavail * disk.bsize);
}

async function full(repository: Repository, file: HubFile, blob: string): Promise<CheckpointError> {
  const { cache } = repository;
  const disk = await statfs(dirname(blob)).catch(() => undefined);
  const needed = file.bytes - (await bytesHeld(repository, file));
  return noRoom(`${cache.id}/${file.path}`, cache.root, needed, disk ? disk.bavail * disk.bsize : 0);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const noRoom = (name: string, root: string, needed: number, free: number): CheckpointError =>
  new CheckpointError(
    `hub: the disk is full: ${name} needs ${megabytes(needed)} more in ${root}, which has ${megabytes(free)} free: ` +
      'make room, or set HF_HOME to another disk; what has arrived is kept',
  );
