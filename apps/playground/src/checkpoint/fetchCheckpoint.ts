// Fetches the checkpoint's files, from the browser's storage or else from the server. Each is checked against its
// checksum as it arrives. Without storage they stay in memory for as long as the page is open.

import { blobSource } from '@moviegen/safetensors';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { CheckpointFiles } from 'moviegen';
import { ProblemError } from '../problem.ts';
import { type ListedFile, listedFiles } from './listedFiles.ts';
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

const SUMS = 'SHA256SUMS';

/**
 * Fetches the checkpoint's files.
 * @param base the checkpoint's folder on the server
 * @throws ProblemError, or the signal's reason if aborted
 */
export async function fetchCheckpoint(base: URL, options: FetchOptions): Promise<CheckpointFiles> {
  const { signal, onNotKept } = options;
  let { store } = options;
  const sums = await listOf(base, store, signal);
  const listed = listedFiles(sums);
  const found = new Map<string, Blob>(); // by checksum
  for (const { sum } of listed) {
    const file = await store?.get(sum);
    if (file !== undefined) found.set(sum, file);
  }
  const missing = listed.filter(({ sum }) => !found.has(sum));
  if (missing.length > 0) {
    const giveUp = (): void => {
      store = undefined;
      onNotKept();
    };
    if (store === undefined) onNotKept();
    const total = await sizeOf(base, missing, signal);
    let before = 0;
    for (const file of missing) {
      const tell = (bytes: number) => options.onProgress(before + bytes, Math.max(total, before + bytes));
      let blob: Blob;
      try {
        blob = await fetchVerified(base, file, store, signal, tell);
      } catch (error) {
        if (store === undefined || !isFull(error)) throw error;
        giveUp();
        blob = await fetchVerified(base, file, store, signal, tell);
      }
      before += blob.size;
      found.set(file.sum, blob);
    }
    try {
      await store?.writeText(SUMS, sums);
      await store?.retain(new Set([SUMS, ...listed.map(({ sum }) => sum)]));
    } catch (error) {
      if (!isFull(error)) throw error;
      giveUp();
    }
  }
  const byPath = new Map(listed.map(({ path, sum }) => [path, found.get(sum)!]));
  return {
    label: 'checkpoint',
    folder: (folder) => async (name) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      const blob = byPath.get(path);
      return blob && blobSource(blob, `checkpoint/${path}`);
    },
  };
}

/** The server's list, or the list that was kept if the server cannot be reached. */
export async function listOf(base: URL, store: Store | undefined, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetched(new URL(SUMS, base), { cache: 'no-cache', signal });
    return await response.text();
  } catch (error) {
    signal.throwIfAborted();
    const kept = await store?.readText(SUMS);
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Bytes of all files together, for the progress. A file whose size the server does not tell counts as 0. */
async function sizeOf(base: URL, files: readonly ListedFile[], signal: AbortSignal): Promise<number> {
  const sizes = files.map(async ({ path }) => {
    try {
      const response = await fetched(new URL(path, base), { method: 'HEAD', cache: 'no-cache', signal });
      return Number(response.headers.get('content-length') ?? 0);
    } catch {
      signal.throwIfAborted();
      return 0; // the request for the file itself will say what is wrong
    }
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Fetches a file; once more, past all caches, if its checksum is wrong: a cache may hold another version. */
export async function fetchVerified(
  base: URL,
  file: ListedFile,
  store: Store | undefined,
  signal: AbortSignal,
  tell: (bytes: number) => void,
): Promise<Blob> {
  const first = await fetchOnce(base, file, store, signal, tell, 'no-cache');
  const blob = first ?? (await fetchOnce(base, file, store, signal, tell, 'reload'));
  if (blob !== undefined) return blob;
  throw new ProblemError(
    'checkpoint-damaged',
    `checkpoint/${file.path}: its SHA-256 is not ${file.sum}, twice`,
  );
}

/** Fetches a file once. Undefined if its checksum is wrong. */
async function fetchOnce(
  base: URL,
  { path, sum }: ListedFile,
  store: Store | undefined,
  signal: AbortSignal,
  tell: (bytes: number) => void,
  cache: RequestCache,
): Promise<Blob | undefined> {
  const draft = (await store?.create(sum)) ?? memoryDraft();
  try {
    const response = await fetchedFrom(new URL(path, base), draft.length, { cache, signal });
    if (response.status !== 206) draft.clear();
    const hash = sha256.create();
    let bytes = draft.length;
    if (bytes > 0) for (const piece of draft.pieces()) hash.update(piece);
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await read(reader, path, signal);
      if (done) break;
      hash.update(value);
      draft.write(value);
      bytes += value.length;
      tell(bytes);
    }
    if (bytesToHex(hash.digest()) === sum) return await draft.keep();
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
  const response = await fetched(url, { ...init, headers: { Range: `bytes=${at}-` } }, [416]);
  if (response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${at}-`))
    return response;
  if (response.status === 200) return response;
  await response.body?.cancel();
  return fetched(url, init); // what is there is not a part of the file that the server has now
}

async function fetched(url: URL, init: RequestInit, also: readonly number[] = []): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new ProblemError('checkpoint-unreachable', `${url.pathname}: ${messageOf(cause)}`, { cause });
  }
  if (response.ok || also.includes(response.status)) return response;
  await response.body?.cancel();
  throw new ProblemError('checkpoint-unreachable', `${url.pathname}: the server says ${response.status}`);
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
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
