// Files that come out whole or not at all: their place is checked before the work, they are written beside it under another
// name, and renamed at the end. An existing file stays as it was until then; where the name was made here and not given, it
// stays for good (freeName.ts).

import { rmSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../errors.ts';
import { makeFolder, removeEmpty, temporaryName } from './folders.ts';
import { freeName, placeFree } from './freeName.ts';
import { localPath } from './paths.ts';

/** A file to write. */
export interface OutputFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Whether the name was made here, not given: a file that has it stays, and this one takes the next name. */
  readonly made?: boolean | undefined;
}

/** A file that is being written, at any position. */
export class OutputWriter {
  #file: FileHandle | undefined;

  constructor(
    readonly path: string,
    readonly temporary: string,
    file: FileHandle,
    readonly made = false,
  ) {
    this.#file = file;
  }

  /** @throws InputError */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file!.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
    } catch (cause) {
      throw cannotWrite(this.path, cause);
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** The outputs of one run. */
export class Outputs {
  readonly #temporary = new Set<string>();
  /** Names that were chosen here and may not be taken yet. */
  readonly #chosen = new Set<string>();
  /** Files and folders that are read, by device and number: no spelling of their paths may be written to. */
  readonly #spared = new Set<string>();
  /** Folders that were made here, the outermost first. They are removed again if nothing is put into them. */
  readonly #folders: string[] = [];

  /** The name itself, or with `-2`, `-3` and so on where it is taken or was already chosen: for files and folders. */
  async choose(path: string): Promise<string> {
    const name = await freeName(path, this.#chosen);
    this.#chosen.add(name);
    return name;
  }

  /** Makes a file, or a folder of pictures with all of them, one that is never written to, whatever its path is spelt like. */
  async spare(source: string | URL): Promise<void> {
    const path = localPath(source);
    const found = await identity(path);
    if (found === undefined) return; // whoever reads it says so
    this.#spared.add(found);
    if (!(await stat(path)).isDirectory()) return;
    for (const name of await readdir(path)) {
      const inside = await identity(join(path, name));
      if (inside !== undefined) this.#spared.add(inside);
    }
  }

  /** Makes sure that a file can be written at a path, and makes its folder. @throws InputError */
  async check(path: string): Promise<void> {
    checkNoAddress(path);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw new InputError(`output: ${path} is a folder, expected a file`);
    await this.#checkSpared(path);
    if (Buffer.byteLength(basename(path)) > 255)
      throw new InputError(`output: the name ${basename(path)} has more than 255 bytes`);
    await this.checkFolder(dirname(path), path);
  }

  /** Makes a folder, and makes sure that files can be written in it. @throws InputError */
  async checkFolder(folder: string, output: string = folder): Promise<void> {
    if (folder === output) {
      checkNoAddress(folder);
      await this.#checkSpared(folder);
      await this.#checkFrames(folder);
    }
    try {
      await makeFolder(folder, this.#folders);
      const probe = temporaryName(join(folder, 'probe'));
      this.#temporary.add(probe);
      const file = await open(probe, 'wx');
      await file.close();
      await rm(probe);
      this.#temporary.delete(probe);
    } catch (cause) {
      throw cannotWrite(output, cause);
    }
  }

  async #checkSpared(path: string): Promise<void> {
    const found = this.#spared.size > 0 ? await identity(path) : undefined;
    if (found !== undefined && this.#spared.has(found))
      throw new InputError(`output: ${path} is what is read: name another one, it stays as it is`);
  }

  /** Frames that a folder has already are replaced or removed: none of them may be what is read. */
  async #checkFrames(folder: string): Promise<void> {
    if (this.#spared.size === 0) return;
    for (const name of await readdir(folder).catch(() => []))
      if (FRAME_NAME.test(name)) await this.#checkSpared(join(folder, name));
  }

  /** Begins a file, which has another name until {@link commit}. @param made see {@link OutputFile} @throws InputError */
  async begin(path: string, made = false): Promise<OutputWriter> {
    const temporary = temporaryName(path);
    this.#temporary.add(temporary);
    try {
      return new OutputWriter(path, temporary, await open(temporary, 'wx'), made);
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  }

  /** Gives all files that were begun their own names, or none of them. @returns the names, in order */
  async commit(writers: readonly OutputWriter[], signal?: AbortSignal): Promise<string[]> {
    const names: string[] = [];
    try {
      for (const writer of writers) await writer.close();
      signal?.throwIfAborted();
      for (const { temporary, path, made } of writers) {
        if (made) names.push(await placeFree(temporary, path));
        else {
          await rename(temporary, path);
          names.push(path);
        }
        this.#temporary.delete(temporary);
      }
      return names;
    } catch (cause) {
      await this.discard(writers);
      signal?.throwIfAborted();
      throw cannotWrite(writers[0]?.path, cause);
    }
  }

  /** Removes files that were begun and are no longer wanted. */
  async discard(writers: readonly OutputWriter[]): Promise<void> {
    for (const writer of writers) {
      await writer.close().catch(() => {});
      await rm(writer.temporary, { force: true });
      this.#temporary.delete(writer.temporary);
    }
  }

  /** Writes all files or none: no file gets its name before every byte is written. @returns the names, in order */
  async write(files: readonly OutputFile[], signal?: AbortSignal): Promise<string[]> {
    const writers: OutputWriter[] = [];
    try {
      for (const { path, bytes, made } of files) {
        signal?.throwIfAborted();
        const writer = await this.begin(path, made);
        writers.push(writer);
        await writer.write(bytes, 0);
      }
    } catch (cause) {
      await this.discard(writers);
      throw cause;
    }
    return this.commit(writers, signal);
  }

  /** Begins frame k of a folder: `frame-0000.png` and so on. */
  beginFrame(folder: string, k: number): Promise<OutputWriter> {
    return this.begin(join(folder, frameName(k)));
  }

  /** Removes frames from number `count` on, which a longer video has left there. */
  async removeFrames(folder: string, count: number): Promise<void> {
    const names = new Set(Array.from({ length: count }, (_, k) => frameName(k)));
    for (const name of await readdir(folder))
      if (FRAME_NAME.test(name) && !names.has(name)) await rm(join(folder, name), { force: true });
  }

  /** Writes frames as `frame-0000.png` and so on, and removes frames that a longer video has left there. */
  async writeFrames(folder: string, pngs: readonly Uint8Array[], signal?: AbortSignal): Promise<void> {
    const files = pngs.map((bytes, k) => ({ path: join(folder, frameName(k)), bytes }));
    await this.write(files, signal);
    await this.removeFrames(folder, pngs.length);
  }

  /** Removes what a failed run has left. Synchronous, so that it works while the process ends. */
  clean(): void {
    for (const path of this.#temporary) {
      try {
        rmSync(path, { force: true });
      } catch {
        // never made, or gone with its folder
      }
    }
    this.#temporary.clear();
    removeEmpty(this.#folders);
    this.#folders.length = 0;
  }
}

/** @throws InputError where an output is an address, which would become a folder of that name */
function checkNoAddress(path: string): void {
  if (/^([a-z][a-z\d+.-]+:\/\/|file:)/i.test(path))
    throw new InputError(
      `output: ${path} is an address: give the path of a file or a folder on this machine`,
    );
}

/** What a path names, whatever it is spelt like: links lead to the same. Undefined where there is nothing. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

/** The pattern of the names of frames in a folder. */
export const FRAME_NAME = /^frame-\d{4,}\.png$/;

const frameName = (k: number): string => `frame-${String(k).padStart(4, '0')}.png`;
const cannotWrite = (path: string | undefined, cause: unknown): InputError =>
  cause instanceof InputError
    ? cause
    : new InputError(`output: cannot write ${path}: ${reasonOf(cause)}`, { cause });

/** What the system says, without the path, which the message already has. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/, \w+ '.*'$/, '').replace(/ '.*' -> '.*'$/, '');
}
