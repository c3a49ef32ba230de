// Names that nothing has yet, for files and folders whose names were made here: what is there stays. Not here: how files are
// written (outputs.ts).

import { link, lstat, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';

/** The name itself, then the same with `-2`, `-3` and so on before its extension. */
function* names(path: string): Generator<string, never> {
  yield path;
  const { dir, name, ext } = parse(path);
  for (let k = 2; ; k++) yield join(dir, `${name}-${k}${ext}`);
}

/** The name itself, or the next one that nothing has and that is not in `chosen`. */
export async function freeName(path: string, chosen: ReadonlySet<string>): Promise<string> {
  for (const name of names(path)) {
    const found = chosen.has(name) || (await lstat(name).catch(() => undefined));
    if (found === undefined) return name;
  }
  return path;
}

/**
 * Gives a finished file its name. Where another process has taken that meanwhile, the file gets the next one that is free,
 * unless they hold the same bytes.
 * @returns the name
 */
export async function placeFree(temporary: string, path: string): Promise<string> {
  for (const name of names(path)) {
    if (await placed(temporary, name)) return name;
    if (await sameBytes(temporary, name)) {
      await rm(temporary, { force: true });
      return name;
    }
  }
  return path;
}

/** Gives a file a name unless something has it. */
async function placed(temporary: string, name: string): Promise<boolean> {
  try {
    await link(temporary, name);
    await rm(temporary);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
  }
  // This file system has no links: the name is taken first.
  try {
    await (await open(name, 'wx')).close();
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
  try {
    await rename(temporary, name);
  } catch (error) {
    await rm(name, { force: true });
    throw error;
  }
  return true;
}

async function sameBytes(a: string, b: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(a), stat(b)]);
    if (!other.isFile() || one.size !== other.size) return false;
    return (await readFile(a)).equals(await readFile(b));
  } catch {
    return false; // a file that cannot be compared is another one
  }
}

const isTaken = (error: unknown): boolean =>
  ['EEXIST', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
