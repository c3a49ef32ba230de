// Folders that are made on the way to a file, and the name that a file has until it is whole.

import { randomBytes } from 'node:crypto';
import { rmdirSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Makes a folder and the folders above it, one by one: Node's own recursive mkdir never returns where a file system refuses
 * with ENOENT, as /proc does.
 * @param made the folders that did not exist are added to it, the outermost first.
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
    throw found === undefined ? error : new Error(`${path} is not a folder`);
  }
}

/** Removes folders that `makeFolder` made, unless something lies in them. Synchronous: it works while the process ends. */
export function removeEmpty(made: readonly string[]): void {
  for (const folder of [...made].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      return; // something lies in it
    }
  }
}

/** A short name beside a path: file systems allow 255 bytes, and the name of the file itself may have them all. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
