// The interface to a checkpoint's files, wherever they are: the word that the platform and the readers share. How they are
// opened is in checkpoint/files.ts.

import type { OpenFile } from '@moviegen/safetensors';

/** The files of a checkpoint. */
export interface CheckpointFiles {
  /** Its name in messages. */
  readonly label: string;
  /** Opens files of a folder below the root; `''` is the root itself. */
  folder(name: string): OpenFile;
  /** Whether reading costs a transfer: what is needed at every step is then kept in memory. */
  readonly remote?: boolean;
  /** Which weights, where a folder has several: `fp16`. Default: the plain ones, else the only ones that are there. */
  readonly variant?: string | undefined;
  /** Rejects if nothing can be reached, with a better message than a missing first file would give. */
  check?(): Promise<void>;
}
