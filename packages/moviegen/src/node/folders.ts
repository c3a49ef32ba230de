// Folders that are made on the way to a file, and what a file is called until it is whole.

import { randomBytes } from 'node:crypto';
import { rmdirSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Makes a folder and those above it, one by one: Node's own recursive mkdir never returns where a file system refuses
 * with ENOENT, as /proc does.
 * @param made gets those that were not there, the outermost first.
 */
export async function makeFolder(folder: string, made: string[]): Promise<void> {
  const path = resolve(folder);
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path), made);
  try {
    await mkdir(path);
    made.push(path);
  } catch (error) {
    if (await isFolder(path)) return; // another process has made it meanwhile
    const found = await stat(path).catch(() => undefined);
    throw found === undefined ? error : new Error(`${path} is no folder`);
  }
}

/** Removes folders again that `makeFolder` made, unless something lies in them. At once, so that it also works while the process ends. */
export function removeEmpty(made: readonly string[]): void {
  for (const folder of [...made].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      return; // something lies in it
    }
  }
}

/** A name beside a path, and shorter than most: one may have 255 bytes. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
