// Fetches the checkpoint's files, from the browser's storage or else from the server. Each is checked against its
// checksum as it arrives. Without storage they stay in memory for as long as the page is open.

import { blobSource } from '@moviegen/safetensors';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { CheckpointFiles } from 'moviegen';
import type { ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';
import type { ListedFile } from './listedFiles.ts';
import { LISTING, type Listing } from './listing.ts';
import { fetched, messageOf, withToken } from './request.ts';
import type { Draft, Store } from './store.ts';

/** How to fetch a checkpoint. */
export interface FetchOptions {
  /** Undefined if this browser does not keep files. */
  readonly store: Store | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number, totalBytes: number) => void;
  /** Called once if files cannot be kept. */
  readonly onNotKept: () => void;
}

/** Where a file comes from. */
interface From {
  readonly base: string;
  readonly place: ModelPlace;
  readonly signal: AbortSignal;
}

/**
 * Fetches the checkpoint's files.
 * @throws ProblemError, or the signal's reason if aborted
 */
export async function fetchCheckpoint(
  { base, files }: Listing,
  place: ModelPlace,
  { store: given, signal, onProgress, onNotKept }: FetchOptions,
): Promise<CheckpointFiles> {
  let store = given;
  const from = { base, place, signal };
  const found = new Map<string, Blob>(); // by name
  for (const { name } of files) {
    const file = await store?.get(name);
    if (file !== undefined) found.set(name, file);
  }
  const missing = files.filter(({ name }) => !found.has(name));
  const listing = JSON.stringify({ base, files });
  if (missing.length > 0 || (await store?.readText(LISTING)) !== listing) {
    const giveUp = (): void => {
      store = undefined;
      onNotKept();
    };
    if (store === undefined) onNotKept();
    const total = await bytesOf(from, missing);
    let before = 0;
    for (const file of missing) {
      const tell = (bytes: number) => onProgress(before + bytes, Math.max(total, before + bytes));
      let blob: Blob;
      try {
        blob = await fetchVerified(from, file, store, tell);
      } catch (error) {
        if (store === undefined || !isFull(error)) throw error;
        giveUp();
        blob = await fetchVerified(from, file, store, tell);
      }
      before += blob.size;
      found.set(file.name, blob);
    }
    try {
      await store?.writeText(LISTING, listing);
      // Without its text encoder, a listing is not all of a model.
      if (!place.states) await store?.retain(new Set([LISTING, ...files.map(({ name }) => name)]));
    } catch (error) {
      if (!isFull(error)) throw error;
      giveUp();
    }
  }
  const byPath = new Map(files.map(({ path, name }) => [path, found.get(name)!]));
  return {
    label: 'checkpoint',
    folder: (folder) => async (name) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      const blob = byPath.get(path);
      return blob && blobSource(blob, `checkpoint/${path}`);
    },
  };
}

/** Bytes of some files together. A file whose size nobody tells counts as 0. */
export async function bytesOf({ base, place, signal }: From, files: readonly ListedFile[]): Promise<number> {
  const sizes = files.map(async ({ path, bytes }) => {
    if (bytes !== undefined) return bytes;
    try {
      const url = new URL(path, base);
      const init = { method: 'HEAD', cache: 'no-cache', signal } as const;
      return Number((await fetched(url, withToken(url, place, init))).headers.get('content-length') ?? 0);
    } catch {
      signal.throwIfAborted();
      return 0; // the request for the file itself will say what is wrong
    }
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Fetches a file; once more, past all caches, if its checksum is wrong: a cache may hold another version. */
async function fetchVerified(
  from: From,
  file: ListedFile,
  store: Store | undefined,
  tell: (bytes: number) => void,
): Promise<Blob> {
  const first = await fetchOnce(from, file, store, tell, 'no-cache');
  const blob = first ?? (await fetchOnce(from, file, store, tell, 'reload'));
  if (blob !== undefined) return blob;
  const kind = file.check === 'git' ? 'SHA-1' : 'SHA-256';
  throw new ProblemError(
    'checkpoint-damaged',
    `checkpoint/${file.path}: its ${kind} is not ${file.name}, twice`,
  );
}

/** Fetches a file once. Undefined if its checksum is wrong. */
async function fetchOnce(
  { base, place, signal }: From,
  { path, name, check, bytes: size }: ListedFile,
  store: Store | undefined,
  tell: (bytes: number) => void,
  cache: RequestCache,
): Promise<Blob | undefined> {
  const draft = (await store?.create(name)) ?? memoryDraft();
  try {
    const url = new URL(path, base);
    // What is there already may be all of it.
    const whole = draft.length > 0 && draft.length === size;
    const response = whole
      ? undefined
      : await fetchedFrom(url, draft.length, withToken(url, place, { cache, signal }));
    if (response !== undefined && response.status !== 206) draft.clear();
    const hash = check === 'git' ? sha1.create().update(utf8ToBytes(`blob ${size}\0`)) : sha256.create();
    let bytes = draft.length;
    if (bytes > 0) for (const piece of draft.pieces()) hash.update(piece);
    const reader = response?.body?.getReader();
    while (reader) {
      const { done, value } = await read(reader, path, signal);
      if (done) break;
      hash.update(value);
      draft.write(value);
      bytes += value.length;
      tell(bytes);
    }
    const isRight = check === undefined ? !size || bytes === size : bytesToHex(hash.digest()) === name;
    if (isRight) return await draft.keep();
    await draft.drop();
    return undefined;
  } catch (error) {
    // What has come is of use later, unless there is no room for more.
    await (isFull(error) ? draft.drop() : draft.leave()).catch(() => {}); // the first error is the one to report
    throw error;
  }
}

/** Asks for a file from a byte on: the rest (206), or the whole. */
async function fetchedFrom(url: URL, at: number, init: RequestInit): Promise<Response> {
  if (at === 0) return fetched(url, init);
  const headers = new Headers(init.headers);
  headers.set('Range', `bytes=${at}-`);
  const response = await fetched(url, { ...init, headers }, [416]);
  if (response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${at}-`))
    return response;
  if (response.status === 200) return response;
  await response.body?.cancel();
  return fetched(url, init); // what is there is not a part of the file that the server has now
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  path: string,
  signal: AbortSignal,
) {
  try {
    return await reader.read();
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProblemError(
      'checkpoint-unreachable',
      `${path}: the transfer broke off (${messageOf(cause)})`,
      {
        cause,
      },
    );
  }
}

function memoryDraft(): Omit<Draft, 'keep'> & { keep(): Promise<Blob> } {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    length: 0,
    pieces: () => parts,
    clear: () => {},
    leave: async () => {},
    write: (bytes) => void parts.push(bytes),
    keep: async () => new Blob(parts),
    drop: async () => {},
  };
}

const isFull = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'QuotaExceededError';
