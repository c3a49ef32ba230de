// Files that come out whole or not at all: checked before the work, written beside their place under another name,
// renamed at the end. An existing file stays as it was until then.

import { randomBytes } from 'node:crypto';
import { rmdirSync, rmSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../errors.ts';

/** A file to write. */
export interface OutputFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The outputs of one run. */
export class Outputs {
  readonly #temporary = new Set<string>();
  /** Folders made here, outermost first: they go again if nothing comes to lie in them. */
  readonly #folders: string[] = [];

  /** Makes sure that a file can be written at a path; makes its folder. @throws InputError */
  async check(path: string): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw new InputError(`output: ${path} is a folder, expected a file`);
    await this.checkFolder(dirname(path), path);
  }

  /** Makes sure that files can be written in a folder; makes it. @throws InputError */
  async checkFolder(folder: string, output: string = folder): Promise<void> {
    try {
      await this.#makeFolder(folder);
      const probe = temporaryName(join(folder, 'probe'));
      this.#temporary.add(probe);
      const file = await open(probe, 'wx');
      await file.close();
      await rm(probe);
      this.#temporary.delete(probe);
    } catch (cause) {
      throw new InputError(`output: cannot write ${output}: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Writes files, all or none: no name is taken before every byte is there. */
  async write(files: readonly OutputFile[], signal?: AbortSignal): Promise<void> {
    const written: { from: string; to: string }[] = [];
    try {
      for (const { path, bytes } of files) {
        signal?.throwIfAborted();
        const temporary = temporaryName(path);
        this.#temporary.add(temporary);
        const file = await open(temporary, 'wx');
        try {
          await file.writeFile(bytes);
        } finally {
          await file.close();
        }
        written.push({ from: temporary, to: path });
      }
      signal?.throwIfAborted();
      for (const { from, to } of written) {
        await rename(from, to);
        this.#temporary.delete(from);
      }
    } catch (cause) {
      for (const { from } of written) await rm(from, { force: true });
      signal?.throwIfAborted();
      throw new InputError(`output: cannot write ${files[0]?.path}: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Writes frames as `frame-0000.png` ...; those of a longer video that was there before go. */
  async writeFrames(folder: string, pngs: readonly Uint8Array[], signal?: AbortSignal): Promise<void> {
    const files = pngs.map((bytes, k) => ({ path: join(folder, frameName(k)), bytes }));
    await this.write(files, signal);
    const names = new Set(files.map(({ path }) => basename(path)));
    for (const name of await readdir(folder))
      if (FRAME_NAME.test(name) && !names.has(name)) await rm(join(folder, name), { force: true });
  }

  /** Removes what a run that failed has left. At once, so that it also works while the process ends. */
  clean(): void {
    for (const path of this.#temporary) rmSync(path, { force: true });
    this.#temporary.clear();
    for (const folder of this.#folders.reverse()) {
      try {
        rmdirSync(folder);
      } catch {
        break; // something lies in it
      }
    }
    this.#folders.length = 0;
  }

  /** Folder by folder: Node's own recursive mkdir never returns where a file system refuses with ENOENT. */
  async #makeFolder(folder: string): Promise<void> {
    const path = resolve(folder);
    if (await isFolder(path)) return;
    if (dirname(path) !== path) await this.#makeFolder(dirname(path));
    try {
      await mkdir(path);
      this.#folders.push(path);
    } catch (error) {
      if (await isFolder(path)) return; // another process has made it meanwhile
      const found = await stat(path).catch(() => undefined);
      throw found === undefined ? error : new Error(`${path} is no folder`);
    }
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Names of frames in a folder. */
export const FRAME_NAME = /^frame-\d{4,}\.png$/;

const frameName = (k: number): string => `frame-${String(k).padStart(4, '0')}.png`;

const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);

/** What the system says, without the path that the message has already. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/, \w+ '.*'$/, '').replace(/ '.*' -> '.*'$/, '');
}
