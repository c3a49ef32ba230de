// A checkpoint's folder as files on disk: what commands that write a new checkpoint do with its files. Not here: the weights
// themselves (average.ts, quantizeFile.ts).

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseSums } from '../checkpoint/checksums.ts';
import { CheckpointError, InputError } from '../errors.ts';
import { makeFolder, removeEmpty, temporaryName } from './folders.ts';

/** The name of the checksum list. */
export const LIST = 'SHA256SUMS';

/**
 * The paths of all files below a folder, relative to it and sorted; links are followed. Hidden files are left out.
 * @throws CheckpointError where a link leads nowhere, or in a circle
 */
export async function filesBelow(root: string, above: readonly string[] = []): Promise<string[]> {
  const folders = [...above, await realpath(root)];
  const paths: string[] = [];
  for (const name of await readdir(root)) {
    if (name.startsWith('.')) continue;
    const path = join(root, name);
    const found = await stat(path).catch(() => undefined); // of what a link leads to
    if (found === undefined) throw new CheckpointError(`checkpoint: ${path} is a link to nothing`);
    if (!found.isDirectory()) paths.push(name);
    else if (folders.includes(await realpath(path)))
      throw new CheckpointError(`checkpoint: ${path} is a link to a folder that it lies in: remove the link`);
    else paths.push(...(await filesBelow(path, folders)).map((below) => join(name, below)));
  }
  return paths.sort();
}

/**
 * Makes sure that a command may write a new folder: it does not exist, or is empty.
 * @throws InputError
 */
export async function checkNewFolder(command: string, output: string): Promise<void> {
  const found = await stat(output).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isDirectory())
    throw new InputError(`${command}: --output ${output} is a file, expected a folder`);
  if ((await readdir(output)).length > 0)
    throw new InputError(`${command}: --output ${output} is a folder with files in it: give a new one`);
}

/**
 * Writes a folder under another name, then renames it: the folder is whole or not there.
 * @throws InputError where the folder cannot be made; whatever `write` throws.
 */
export async function writeFolder(
  command: string,
  output: string,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(output);
  const above: string[] = [];
  try {
    try {
      await makeFolder(dirname(temporary), above);
      await mkdir(temporary);
    } catch (cause) {
      throw new InputError(`${command}: cannot write ${output}: ${(cause as Error).message}`, { cause });
    }
    try {
      await write(temporary);
      await rmdir(output).catch(() => {}); // removes an empty folder; rename reports anything else in the way
      await rename(temporary, output);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  } finally {
    removeEmpty(above);
  }
}

/** Copies files from one folder to another. */
export async function copyFiles(
  from: string,
  to: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (const path of paths) {
    signal?.throwIfAborted();
    await mkdir(dirname(join(to, path)), { recursive: true });
    await copyFile(join(from, path), join(to, path));
  }
}

/** Keys of a `config.json` that say who wrote the file, not what the model is. */
const HISTORY = /^(_name_or_path|_diffusers_version|transformers_version|torch_dtype|dtype)$/;

/** Compares every `config.json` of two checkpoints. @throws CheckpointError naming the first key that differs. */
export async function checkConfigs(root: string, other: string, files: readonly string[]): Promise<void> {
  if (root === other) return;
  for (const path of files.filter((file) => basename(file) === 'config.json')) {
    const [mine, theirs] = [await configAt(join(root, path)), await configAt(join(other, path))];
    const keys = new Set([...Object.keys(mine), ...Object.keys(theirs)].filter((key) => !HISTORY.test(key)));
    for (const key of keys)
      if (!isDeepStrictEqual(mine[key], theirs[key]))
        throw new CheckpointError(
          `checkpoint: ${join(other, path)} is of another model than ${join(root, path)}: ` +
            `${key} is ${JSON.stringify(theirs[key])}, expected ${JSON.stringify(mine[key])}`,
        );
  }
}

async function configAt(path: string): Promise<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const text = missing ? 'is missing' : `is not JSON: ${(cause as Error).message}`;
    throw new CheckpointError(`checkpoint: ${path} ${text}`, { cause });
  }
  throw new CheckpointError(`checkpoint: ${path} does not hold an object`);
}

/** Writes the checksum list of a folder anew, for the same files. */
export async function relist(root: string, signal?: AbortSignal): Promise<void> {
  const path = join(root, LIST);
  const lines: string[] = [];
  for (const file of parseSums(await readFile(path), path).keys()) {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(root, file), signal ? { signal } : {}))
      hash.update(piece);
    lines.push(`${hash.digest('hex')}  ${file}\n`);
  }
  await writeFile(path, lines.join(''));
}
