// Where a checkpoint's files are (a web address here, a folder in node/platform.ts, or an object of the caller's), and reading
// one of them whole. What the files of a model are is in modelFiles.ts.

import { foreignFile, httpFolder, isAbsent, isPage } from '@moviegen/safetensors';
import { filesAt, hubFilesAt, hubHeaders } from '#platform';
import { isObject } from '../arguments.ts';
import type { CheckpointFiles, FilesOptions } from '../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../errors.ts';
import { hubPlace } from '../hubPlace.ts';

export type { FilesOptions } from '../checkpointFiles.ts';

/**
 * The files at a path or a file: address (Node only), at an http(s) address, or of a model of the hub, ORG/NAME, where no folder
 * has that name. @throws InputError
 */
export function openFiles(
  source: string | URL | CheckpointFiles,
  options: FilesOptions = {},
): CheckpointFiles {
  const { variant } = options;
  if (variant === undefined) return filesOf(source, options);
  if (!/^[\w-]+$/.test(variant))
    throw new InputError(`checkpoint: variant must be a word such as fp16, got ${shown(variant)}`);
  const files = filesOf(source, options);
  const { label, remote = false } = files;
  return {
    label,
    remote,
    variant,
    folder: (name) => files.folder(name),
    check: async (signal) => files.check?.(signal),
    absence: () => files.absence?.() ?? '',
  };
}

function filesOf(source: string | URL | CheckpointFiles, options: FilesOptions): CheckpointFiles {
  if (isObject(source) && 'folder' in source) return source;
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new InputError(`checkpoint: expected a folder, an address or files by name, got ${shown(source)}`);
  const place = typeof source === 'string' ? hubPlace(source) : undefined;
  const hub = place && hubFilesAt(place, options);
  if (hub !== undefined && 'folder' in hub) return hub;
  if (hub === undefined && options.revision !== undefined)
    throw new InputError(
      `checkpoint: revision is for models of the hub, ORG/NAME, and ${shown(source instanceof URL ? labelOf(source) : source)} is not one`,
    );
  const base = hub ?? addressOf(source);
  if (base === undefined || base.protocol === 'file:') return filesAt(base ?? source);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const headers =
    base.username === '' ? { ...hubHeaders(base), ...options.headers } : (options.headers ?? {});
  return {
    label: labelOf(base),
    remote: true,
    folder: (name) => {
      const folder = new URL(base);
      if (name !== '') folder.pathname += `${name.split('/').map(encodeURIComponent).join('/')}/`;
      return httpFolder(folder, { ...options, headers });
    },
  };
}

/** A copy of an address; undefined for a path. @throws InputError where it is not one of files */
export function addressOf(source: string | URL): URL | undefined {
  if (typeof source === 'string' && !/^([a-z][a-z\d+.-]+:\/\/|file:)/i.test(source)) return undefined;
  const url = URL.canParse(String(source)) ? new URL(source) : null;
  if (url !== null && /^(https?|file):$/.test(url.protocol)) return url;
  // The text itself is not shown: it may hold a password.
  const got = url === null ? 'is malformed' : `begins with ${url.protocol}//`;
  throw new InputError(`checkpoint: this address ${got}: expected http://, https:// or file://`);
}

/** An address in messages: without a password and a query, which may be secrets. */
export const labelOf = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`;

/**
 * A JSON file's value; undefined if there is no such file.
 * @throws CheckpointError if it is not JSON.
 */
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
    const text = foreignFile(bytes) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new CheckpointError(`checkpoint: ${pathOf(files, folder, name)} is not JSON: ${text}`, { cause });
  }
}

/**
 * A file's bytes; undefined where there is none. Of a server, also where it forbids the file or answers with a web page, as some
 * do for files that they do not have: where a file must be there, `missing` tells the difference.
 */
export async function readFile(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const source = await files
    .folder(folder)(name, signal)
    .catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
      return undefined;
    });
  if (source === undefined) return undefined;
  try {
    const bytes = await source.read(0, source.byteLength, signal);
    return files.remote && isPage(bytes) ? undefined : bytes;
  } finally {
    await source.close();
  }
}

/** The error of a file that must be there, and that `readFile` did not find. */
export async function missing(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal?: AbortSignal,
): Promise<CheckpointError> {
  const path = `checkpoint: ${pathOf(files, folder, name)}`;
  try {
    const source = await files.folder(folder)(name, signal);
    if (source === undefined) return new CheckpointError(`${path} is missing${absenceIn(files)}`);
    const first = await source.read(0, Math.min(source.byteLength, 512), signal);
    await source.close();
    return new CheckpointError(
      `${path} is not there: ${foreignFile(first) ?? 'the answers of the server differ'}`,
    );
  } catch (cause) {
    if (!isAbsent(cause)) throw cause;
    return new CheckpointError(`checkpoint: ${(cause as Error).message}`, { cause });
  }
}

/** Why a file may not be where it is looked for, for the end of a message. */
export function absenceIn({ absence }: CheckpointFiles): string {
  const why = absence?.() ?? '';
  return why === '' ? '' : ` ${why}`;
}

/** A file's path for messages. */
export function pathOf({ label }: CheckpointFiles, folder: string, name: string): string {
  return [label.replace(/\/$/, ''), folder, name].filter((part) => part !== '').join('/');
}
