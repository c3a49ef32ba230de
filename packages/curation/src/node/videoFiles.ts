// The videos below a folder, by their names. What a file really is, reading it says.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from 'moviegen';

const VIDEO = /\.(mp4|m4v|mov|webm|mkv)$/i;

/** A file as it was found. */
export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last changed, in milliseconds. */
  readonly changed: number;
}

/** All videos below a folder, in the order of their names. Hidden files and folders are passed over. @throws InputError */
export async function videoFiles(folder: string): Promise<FoundFile[]> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new InputError(`curate: there is no folder ${folder}`);
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && VIDEO.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !path
          .slice(folder.length)
          .split(/[/\\]/)
          .some((part) => part.startsWith('.')),
    )
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const files: FoundFile[] = [];
  for (const path of names) {
    const { size, mtimeMs, isFile } = await stat(path).then(
      (one) => ({ size: one.size, mtimeMs: one.mtimeMs, isFile: one.isFile() }),
      () => ({ size: 0, mtimeMs: 0, isFile: true }), // a link to nowhere: reading it says so
    );
    if (isFile) files.push({ path, bytes: size, changed: mtimeMs });
  }
  if (files.length === 0) throw new InputError(`curate: ${folder} holds no videos (mp4, mov, webm, mkv)`);
  return files;
}
