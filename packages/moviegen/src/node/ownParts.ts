// A checkpoint's folder with all of its models in it, for commands that write a new checkpoint of its files: models that lie in the
// checkpoint beside it (`../NAME/FOLDER` in model_index.json) are linked in under their own names.

import { copyFile, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LIST } from './checkpointFolder.ts';

const SHARED = /^\.\.\/[^/]+\/([^/]+)$/;
const INDEX = 'model_index.json';

/** Runs with folders of which each holds all of its models: a folder itself, or where it shares some a temporary one of links. */
export async function withOwnParts<T>(
  folders: readonly string[],
  run: (folders: readonly string[]) => Promise<T>,
): Promise<T> {
  const whole: string[] = [];
  try {
    for (const folder of folders) whole.push((await linked(folder)) ?? folder);
    return await run(whole);
  } catch (error) {
    // Nobody will find the temporary folder.
    if (error instanceof Error)
      for (const [i, path] of whole.entries()) error.message = error.message.replaceAll(path, folders[i]!);
    throw error;
  } finally {
    for (const [i, path] of whole.entries())
      if (path !== folders[i]) await rm(path, { recursive: true, force: true });
  }
}

/** A temporary folder with all models of a checkpoint that shares some; undefined of one that does not. */
async function linked(folder: string): Promise<string | undefined> {
  const shared = new Map<string, string>(); // places by name
  const text = await readFile(join(folder, INDEX), 'utf8').catch(() => 'null');
  const index = parsed(text, (value) => {
    const [, name] = SHARED.exec(value) ?? [];
    if (name !== undefined) shared.set(name, resolve(folder, value));
    return name ?? value;
  });
  if (shared.size === 0) return undefined;
  const whole = await mkdtemp(join(tmpdir(), 'moviegen-'));
  try {
    for (const name of await readdir(folder)) {
      const from = resolve(folder, name);
      if ((await stat(from)).isDirectory()) await symlink(from, join(whole, name), 'junction');
      else await copyFile(from, join(whole, name));
    }
    for (const [name, from] of shared) await symlink(from, join(whole, name), 'junction');
    await writeFile(join(whole, INDEX), `${JSON.stringify(index, null, 2)}\n`);
    const list = await readFile(join(whole, LIST), 'utf8').catch(() => undefined);
    if (list !== undefined)
      await writeFile(join(whole, LIST), list.replaceAll(/ \.\.\/[^/\n]+\/(?=[^/\n]+\/)/g, ' '));
    return whole;
  } catch (error) {
    await rm(whole, { recursive: true, force: true });
    throw error;
  }
}

/** A JSON text with its strings changed; undefined where it is none, which whoever reads it next will say. */
function parsed(text: string, change: (value: string) => string): unknown {
  try {
    return JSON.parse(text, (_, value) => (typeof value === 'string' ? change(value) : value));
  } catch {
    return undefined;
  }
}
