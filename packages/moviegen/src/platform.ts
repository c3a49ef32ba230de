// What differs between a browser and Node; this is the browser's side. Under Node, `#platform` resolves to
// node/platform.ts.

import { Device } from '@moviegen/tensor';
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { InputError, shown } from './errors.ts';

/** The device of a page. */
export function openDevice(): Promise<Device> {
  return Device.create();
}

/** Files at a path, which a browser does not have. */
export function filesAt(path: string): CheckpointFiles {
  throw new InputError(
    `checkpoint: ${shown(path)} is not an http(s) address, and a browser cannot open files by path`,
  );
}

/** Registers codecs with mediabunny: a browser has its own. */
export async function registerCodecs(): Promise<void> {}

/** A SHA-256 under way. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** The sum in hexadecimal; nothing may follow. */
  hex(): string;
}

/** Begins a SHA-256. It is not WebCrypto's, which takes whole files only. */
export function sha256(): Sha256 {
  const hash = noble.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
