// Which files a model has: by its list of checksums, by the hub, or, of any other folder, by opening what a load opens. Not here:
// fetching them (fetchCheckpoint.ts).

import { blobSource } from '@moviegen/safetensors';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { type CheckpointFiles, neededFiles, openFiles, resolveAddress } from 'moviegen';
import { hubModel, type ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';
import { listOfHub } from './hub.ts';
import { type ListedFile, listedFiles } from './listedFiles.ts';
import { fetched } from './request.ts';
import type { Store } from './store.ts';

/** A model's files, and where they are. */
export interface Listing {
  /** The folder. */
  readonly base: string;
  readonly files: readonly ListedFile[];
}

const SUMS = 'SHA256SUMS';
/** The listing as it is kept, for times without a network. */
export const LISTING = 'files.json';

/**
 * The files of a model, or the listing that was kept if they cannot be listed now.
 * @throws ProblemError, CheckpointError; the signal's reason
 */
export async function listingOf(
  place: ModelPlace,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  try {
    return await listed(place, store, signal);
  } catch (error) {
    signal.throwIfAborted();
    const away = error instanceof ProblemError && ['checkpoint-unreachable', 'limited'].includes(error.code);
    const kept = away ? await store?.readText(LISTING) : undefined;
    if (kept === undefined) throw error;
    return JSON.parse(kept) as Listing;
  }
}

/** Text encoders and their tokenizers, which states of prompts stand for. */
const OF_TEXT = /^(text_encoder|tokenizer)\//;

async function listed(place: ModelPlace, store: Store | undefined, signal: AbortSignal): Promise<Listing> {
  const hub = hubModel(place.place);
  const needs = { textEncoder: place.states === undefined, signal };
  if (hub !== undefined) {
    const { commit, files } = await listOfHub(hub, place, signal);
    const base = resolveAddress(place.hub, hub.id, commit, '').href;
    const all = reading({ base, files }, place, store);
    const needed = new Set((await neededFiles(all, needs)).map(({ path }) => path));
    return { base, files: files.filter(({ path }) => needed.has(path)) };
  }
  const base = place.place;
  const sums = await fetched(new URL(SUMS, base), { cache: 'no-cache', signal }, [403, 404, 410]);
  if (sums.ok) {
    const files = listedFiles(await sums.text());
    return { base, files: needs.textEncoder ? files : files.filter(({ path }) => !OF_TEXT.test(path)) };
  }
  await sums.body?.cancel();
  const needed = await neededFiles(openFiles(base), needs);
  return { base, files: await Promise.all(needed.map(({ path }) => versionOf(base, path, signal))) };
}

/** A file without a checksum: it is kept under what its server says of its version. */
async function versionOf(base: string, path: string, signal: AbortSignal): Promise<ListedFile> {
  const { headers } = await fetched(new URL(path, base), { method: 'HEAD', cache: 'no-cache', signal });
  const said = ['etag', 'last-modified', 'content-length'].map((name) => headers.get(name) ?? '');
  const name = bytesToHex(sha256(utf8ToBytes([path, ...said].join('\n'))));
  return { path, name, bytes: Number(headers.get('content-length') ?? 0) };
}

/** The files of a model as they are: those that are kept, the others by ranges. For a look at configs and headers. */
export function reading(
  { base, files }: Listing,
  { token }: ModelPlace,
  store: Store | undefined,
): CheckpointFiles {
  const there = openFiles(base, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
  const byPath = new Map(files.map((file) => [file.path, file]));
  return {
    label: there.label,
    remote: true,
    folder: (folder) => {
      const start = folder === '' ? '' : `${folder}/`;
      const open = async (name: string, signal?: AbortSignal) => {
        const file = byPath.get(start + name);
        if (file === undefined) return undefined;
        const kept = await store?.get(file.name);
        return kept ? blobSource(kept, file.path) : there.folder(folder)(name, signal);
      };
      const names = files.filter(
        ({ path }) => path.lastIndexOf('/') === start.length - 1 && path.startsWith(start),
      );
      return Object.assign(open, { list: async () => names.map(({ path }) => path.slice(start.length)) });
    },
  };
}
