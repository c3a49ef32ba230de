// What a checkpoint can do, by its configs alone, and which files a load of it reads. Nothing is loaded.

import type { OpenFile } from '@moviegen/safetensors';
import { type FilesOptions, openFiles } from '../checkpoint/files.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import type { CheckpointSummary } from '../generate/family.ts';
import { familyOf } from './index.ts';

/**
 * What a checkpoint is and can do: its configs are read, and nothing is loaded.
 * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
 * @throws CheckpointError
 */
export async function checkpointSummary(
  source: string | URL | CheckpointFiles,
  options: FilesOptions & { readonly signal?: AbortSignal } = {},
): Promise<CheckpointSummary> {
  const { signal } = options;
  const files = openFiles(source, options);
  return (await familyOf(files, signal)).summary(files, signal);
}

/** A file that loading a checkpoint reads. */
export interface NeededFile {
  /** With its folder: `transformer/config.json`. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * The files that loading a checkpoint reads: they are opened, which is a request each at an address, and their headers read.
 * @param source as `checkpointSummary` takes it
 * @param options.textEncoder whether the text encoder is among them. Default true
 * @throws CheckpointError, SafetensorsError; the signal's reason
 */
export async function neededFiles(
  source: string | URL | CheckpointFiles,
  options: FilesOptions & { readonly textEncoder?: boolean; readonly signal?: AbortSignal } = {},
): Promise<NeededFile[]> {
  const files = openFiles(source, options);
  const found = new Map<string, NeededFile>();
  const noting: CheckpointFiles = {
    ...files,
    check: async (signal) => files.check?.(signal),
    folder(folder) {
      const open = files.folder(folder);
      const opening: OpenFile = async (name, signal) => {
        const file = await open(name, signal);
        const path = folder === '' ? name : `${folder}/${name}`;
        if (file !== undefined) found.set(path, { path, bytes: file.byteLength });
        return file;
      };
      return open.list ? Object.assign(opening, { list: open.list }) : opening;
    },
  };
  const family = await familyOf(noting, options.signal);
  await (await family.open(noting, options)).close();
  return [...found.values()];
}
