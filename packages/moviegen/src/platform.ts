// What differs between a browser and Node; this is the browser's part. Packages resolve `#platform` to
// node/platform.ts under Node.

import { Device } from '@moviegen/tensor';
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { InputError, shown } from './errors.ts';

/** The device of a page. */
export function openDevice(): Promise<Device> {
  return Device.create();
}

/** Files by a path: a browser has none. */
export function filesAt(path: string): CheckpointFiles {
  throw new InputError(
    `checkpoint: ${shown(path)} is no http(s) address, and a browser has no files by path`,
  );
}

/** Makes codecs known to mediabunny: a browser brings its own. */
export async function registerCodecs(): Promise<void> {}

/** A SHA-256 under way. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** The sum; the end of it. */
  hex(): string;
}

/** Begins a SHA-256: WebCrypto's takes whole files only. */
export function sha256(): Sha256 {
  const hash = noble.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
