// What a checkpoint's files are to the library, wherever they lie: the word that the platform and the readers share.

import type { OpenFile } from '@moviegen/safetensors';

/** The files of a checkpoint. */
export interface CheckpointFiles {
  /** Its name in messages. */
  readonly label: string;
  /** Opens files of a folder below the root; `''` is the root itself. */
  folder(name: string): OpenFile;
  /** Whether reading costs a transfer: then what is needed again and again is kept in memory. */
  readonly remote?: boolean;
  /** Which weights, where a folder has several: `fp16`. Default: the plain ones, else the only ones that are there. */
  readonly variant?: string | undefined;
  /** Rejects where the whole cannot be reached: a better message than that of the first missing file. */
  check?(): Promise<void>;
}
