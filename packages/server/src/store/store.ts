// Where files of videos lie: a folder (folder.ts) or an S3-compatible store (s3.ts). Keys are made by this server alone,
// `ID/NAME`, so that nothing that a client writes becomes a name of a file.

/** A stored file, or the part of it that was asked for. */
export interface StoredFile {
  readonly body: ReadableStream<Uint8Array>;
  /** Bytes of `body`, and of the whole file. */
  readonly size: number;
  readonly total: number;
}

/** Bytes from `start` up to and with `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A store of files. A file is there as a whole or not at all. */
export interface Store {
  /** Stores a local file, which is taken away. */
  take(key: string, path: string): Promise<void>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** @returns undefined where there is no such file. */
  get(key: string, range?: ByteRange): Promise<StoredFile | undefined>;
  /** @returns false where there is no such file. */
  copy(from: string, to: string): Promise<boolean>;
  /** Removes the files of an id, or those of them whose names are meant. */
  remove(id: string, which?: (name: string) => boolean): Promise<void>;
  /** The ids that have files, in pieces, for the clean-up; not those whose files are younger than this. */
  ids(olderThanSeconds: number): AsyncIterable<readonly string[]>;
  /** Makes sure that it can be reached. */
  check(): Promise<void>;
  /** A folder of this machine for files that are being written. */
  readonly scratch: string;
}

const KEY = /^(?:video|char)_[0-9a-f]{32}\/[a-z0-9-]{1,64}\.[a-z0-9]{1,5}$/;

/** A key as it is. @throws Error where it is not one of ours, which would be a mistake here. */
export function checkKey(key: string): string {
  if (!KEY.test(key)) throw new Error('internal: not a key of the store');
  return key;
}

/** All bytes of a file. */
export async function bytesOf({ body }: StoredFile): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(body as BodyInit).arrayBuffer());
}
