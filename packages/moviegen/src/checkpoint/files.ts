// Where a checkpoint's files are: a web address here, a folder in node/platform.ts, or whatever a caller writes.

import { type HttpOptions, httpFolder } from '@moviegen/safetensors';
import { filesAt } from '#platform';
import { isObject } from '../arguments.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../errors.ts';

/** Options of opening a checkpoint at an address. */
export type FilesOptions = Pick<HttpOptions, 'headers' | 'fetch' | 'retries'>;

/** The files at a path (Node only) or at an http(s) address. */
export function openFiles(
  source: string | URL | CheckpointFiles,
  options: FilesOptions = {},
): CheckpointFiles {
  if (isObject(source) && 'folder' in source) return source;
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new InputError(`checkpoint: expected a folder, an address or files by name, got ${shown(source)}`);
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

/** A copy of an address; undefined where a path was given. */
export const addressOf = (source: string | URL): URL | undefined =>
  source instanceof URL || /^https?:\/\//i.test(source) ? new URL(source) : undefined;

/** An address in messages: without a query, which may be a secret. */
export const labelOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

/** A JSON file's value; undefined where there is no such file. @throws CheckpointError where it is no JSON. */
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

/** A file's bytes; undefined where there is none. */
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

/** A file's place in messages. */
export function pathOf({ label }: CheckpointFiles, folder: string, name: string): string {
  return [label.replace(/\/$/, ''), folder, name].filter((part) => part !== '').join('/');
}
