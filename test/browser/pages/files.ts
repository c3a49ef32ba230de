// In the page: safetensors from a file that a person picks, and over HTTP.

import { httpFolder, openCheckpoint, Safetensors, type TensorSource } from '@moviegen/safetensors';
import { openModel } from 'moviegen';

/** A tensor's type, shape and SHA-256 of its bytes. */
export type Digests = Record<string, string>;

/** Puts a file input on the page. */
export function addInput(): void {
  const input = document.createElement('input');
  input.type = 'file';
  document.body.append(input);
}

/** Reads the file that was picked. */
export async function readPicked(): Promise<Digests> {
  const file = document.querySelector('input')?.files?.[0];
  if (!file) throw new Error('no file was picked');
  return digests(await Safetensors.open(file));
}

/** Reads a file from the page's server. */
export async function readAddress(path: string): Promise<Digests> {
  return digests(await Safetensors.open(new URL(path, location.href), { retryDelay: 1 }));
}

/** Reads a folder from the page's server: one file or shards. */
export async function readFolder(path: string): Promise<Digests> {
  return digests(await openCheckpoint(httpFolder(new URL(path, location.href))));
}

/** Reads the weights of a model of the hub. */
export async function readHub(id: string, folder: string, revision: string): Promise<Digests> {
  return digests((await openModel(id, { folder, revision })).weights);
}

/** The error message when opening or reading an address fails. */
export const failureOf = (path: string): Promise<string> =>
  readAddress(path).then(() => 'no failure', String);

async function digests(file: TensorSource): Promise<Digests> {
  const found: Digests = {};
  for (const name of file.names()) {
    const hash = await crypto.subtle.digest('SHA-256', await file.read(name));
    const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
    found[name] = `${file.dtype(name)} [${file.shape(name).join(', ')}] ${hex}`;
  }
  await file.close();
  return found;
}
