// Where a checkpoint's files are (a web address here, a folder in node/platform.ts, or an object of the caller's), and reading
// one of them whole. What the files of a model are is in modelFiles.ts.

import { type HttpOptions, httpFolder } from '@moviegen/safetensors';
import { filesAt } from '#platform';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';

/** Options of opening a checkpoint at an address. */
export type FilesOptions = Pick<HttpOptions, 'headers' | 'fetch' | 'retries'>;

/** The files at a path (Node only) or at an http(s) address. */
export function openFiles(
  source: string | URL | CheckpointFiles,
  options: FilesOptions = {},
): CheckpointFiles {
  if (typeof source === 'object' && !(source instanceof URL)) return source;
  const base = addressOf(source);
  if (base === undefined) return filesAt(String(source));
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    label: labelOf(base),
    remote: true,
    folder: (name) => {
      const folder = new URL(base);
      if (name !== '') folder.pathname += `${encodeURIComponent(name)}/`;
      return httpFolder(folder, options);
    },
  };
}

/** A copy of an address; undefined for a path. */
export const addressOf = (source: string | URL): URL | undefined =>
  source instanceof URL || /^https?:\/\//i.test(source) ? new URL(source) : undefined;

/** An address for messages: without the query, which may be a secret. */
export const labelOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

/** A JSON file's value; undefined if there is no such file. @throws CheckpointError if it is not JSON. */
export async function readJson(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const bytes = await readFile(files, folder, name, signal);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(`checkpoint: ${pathOf(files, folder, name)} is no JSON: ${text}`, { cause });
  }
}

/** A file's bytes; undefined if there is no such file. */
export async function readFile(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const source = await files.folder(folder)(name, signal);
  if (source === undefined) return undefined;
  try {
    return await source.read(0, source.byteLength, signal);
  } finally {
    await source.close();
  }
}

/** A file's path for messages. */
export function pathOf({ label }: CheckpointFiles, folder: string, name: string): string {
  return [label.replace(/\/$/, ''), folder, name].filter((part) => part !== '').join('/');
}
