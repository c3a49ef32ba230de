// Past videos, kept in the browser's database across reloads. The list of videos is stored apart from their frames, so
// that the strip can be shown quickly.

import type { Video } from 'moviegen';
import type { GivenWords } from '../given.ts';
import type { Settings } from '../settings.ts';

/** A video, with what it was made of where both can be compared. */
export interface MadeVideo extends Video {
  /** Of the same size and length. */
  readonly before?: Video;
}

/** Everything about a video but its frames. */
export interface Result {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly made: number;
  readonly settings: Settings;
  /** What it was given besides the settings, but the frames of that. */
  readonly given?: GivenWords;
  /** What a person should know of how prompt and files were read, a line each. */
  readonly notes?: readonly string[];
  readonly fps: number;
  /** Seconds of each phase. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly adapter: string;
  /** The middle frame, 8-bit RGB. */
  readonly poster: {
    readonly data: Uint8Array<ArrayBuffer>;
    readonly width: number;
    readonly height: number;
  };
}

/** What a result is called: by its prompt, or else by what it was made of. */
export const titleOf = ({ settings, given }: Pick<Result, 'settings' | 'given'>): string =>
  settings.prompt || (given?.name ?? '');

/** Where results are kept. */
export interface ResultStore {
  /** All results, the newest first. */
  list(): Promise<Result[]>;
  video(id: string): Promise<MadeVideo | undefined>;
  /** Keeps a result. @throws QuotaExceededError if the storage is full */
  add(result: Result, video: MadeVideo): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Opens the store. @param name the name of the database. @throws if this browser keeps nothing */
export async function openResults(name: string): Promise<ResultStore> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('results', { keyPath: 'id' });
    opening.result.createObjectStore('videos');
  };
  const database = await answer(opening);
  database.onversionchange = () => database.close();

  const inTransaction = async <T>(mode: IDBTransactionMode, work: (at: Stores) => T): Promise<T> => {
    const transaction = database.transaction(['results', 'videos'], mode);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the database stopped'));
    });
    const result = work({
      results: transaction.objectStore('results'),
      videos: transaction.objectStore('videos'),
    });
    await done;
    return result;
  };
  return {
    async list() {
      const request = await inTransaction('readonly', ({ results }) => results.getAll());
      return (request.result as Result[]).sort((a, b) => b.made - a.made);
    },
    async video(id) {
      return (await inTransaction('readonly', ({ videos }) => videos.get(id))).result as
        | MadeVideo
        | undefined;
    },
    async add(result, video) {
      await inTransaction('readwrite', ({ results, videos }) => {
        results.put(result);
        videos.put(video, result.id);
      });
    },
    async remove(id) {
      await inTransaction('readwrite', ({ results, videos }) => {
        results.delete(id);
        videos.delete(id);
      });
    },
  };
}

interface Stores {
  readonly results: IDBObjectStore;
  readonly videos: IDBObjectStore;
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
