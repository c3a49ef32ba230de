// The interface to a checkpoint's files, wherever they are, and what a caller may say about opening them: the words that the
// platform and the readers share. How they are opened is in checkpoint/files.ts.

import type { HttpOptions, OpenFile } from '@moviegen/safetensors';

/** The files of a checkpoint. */
export interface CheckpointFiles {
  /** Its name in messages. */
  readonly label: string;
  /** Opens files of a folder below the root; `''` is the root itself, `../NAME/FOLDER` is in the checkpoint beside it. */
  folder(name: string): OpenFile;
  /** Whether reading costs a transfer: what is needed at every step is then kept in memory. */
  readonly remote?: boolean;
  /** Which weights, where a folder has several: `fp16`. Default: the plain ones, else the only ones that are there. */
  readonly variant?: string | undefined;
  /** Rejects if nothing can be reached, with a better message than a missing first file would give. */
  check?(signal?: AbortSignal): Promise<void>;
  /** Why a file may be missing, which the end of a message says: the cache alone is used. */
  absence?(): string;
}

/** Where files lie: a path (Node), an address, a model of the hub, or files by name. */
export type Place = string | URL | CheckpointFiles;

/** How far the download of a model of the hub is. */
export interface DownloadProgress {
  readonly phase: 'download';
  /** The file that is coming: `ORG/NAME/transformer/model.safetensors`. */
  readonly file: string;
  /** Bytes that have come since the model was opened: of this file, and of those before it. */
  readonly bytes: number;
  /** Bytes to come in all, as far as is known: of the files so far, and of all shards of a set. */
  readonly totalBytes: number;
  /** Bytes per second since the first of them. */
  readonly bytesPerSecond: number;
}

/** Options of opening a checkpoint at an address, or on the hub. */
export interface FilesOptions extends Pick<HttpOptions, 'headers' | 'fetch' | 'retries'> {
  /** Which weights, where a folder has several: `fp16`. Default: the plain ones, else the only variant that is there. */
  readonly variant?: string | undefined;
  /** Of a model of the hub, a branch, a tag or a commit. Default `main`. */
  readonly revision?: string | undefined;
  /**
   * In Node, whether files of the hub are downloaded into its cache as they are opened, or read there by ranges: for a look at
   * the headers of weights. Default true.
   */
  readonly download?: boolean | undefined;
  /** Is told of every piece that is downloaded from the hub (Node). */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
}

/** All of them. */
export const FILES_OPTIONS: Readonly<Record<keyof FilesOptions, true>> = {
  ...{ headers: true, fetch: true, retries: true, variant: true, revision: true },
  ...{ download: true, onDownload: true },
};
