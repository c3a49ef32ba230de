// The hub's cache on disk, laid out as Python's huggingface_hub does: models--ORG--NAME/{refs,snapshots,blobs}. A snapshot's files
// are links to blobs, which are named by their content. Not here: how a blob is fetched (download.ts).

import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { temporaryName } from '../folders.ts';
import { cacheFolder } from './settings.ts';

/** Whether a text is a commit, not a branch or a tag. */
export const isCommit = (text: unknown): text is string =>
  typeof text === 'string' && /^[0-9a-f]{40}$/.test(text);

/** The cache of one model. */
export class Cache {
  readonly id: string;
  /** The folder of all models. */
  readonly root: string;
  /** The folder of this one. */
  readonly folder: string;

  constructor(id: string) {
    this.id = id;
    this.root = cacheFolder();
    this.folder = join(this.root, `models--${id.replace('/', '--')}`);
  }

  /** The path of a blob. */
  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** The commit that a revision named when it was last seen. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    try {
      const commit = readFileSync(join(this.folder, 'refs', revision), 'utf8').trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  /** The folder of a commit's files; undefined where there is none. */
  snapshot(commit: string): string | undefined {
    const folder = join(this.folder, 'snapshots', commit);
    return existsSync(folder) ? folder : undefined;
  }

  /** Where a commit's file is, or will be. */
  pointer(commit: string, path: string): string {
    return join(this.folder, 'snapshots', commit, path);
  }

  /** Notes which commit a revision names. A cache that cannot be written to stays as it is. */
  async keepRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || this.commitOf(revision) === commit) return;
    const path = join(this.folder, 'refs', revision);
    const temporary = temporaryName(path);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, commit);
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true });
    }
  }

  /** Makes a snapshot's file of a blob: a link, or where the system has none, the blob itself or its copy. */
  async link(etag: string, commit: string, path: string, isNew: boolean): Promise<void> {
    const [blob, pointer] = [this.blob(etag), this.pointer(commit, path)];
    const target = relative(dirname(pointer), blob);
    await mkdir(dirname(pointer), { recursive: true });
    try {
      await symlink(target, pointer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') {
        if (existsSync(pointer)) return; // another process was first
        if ((await readlink(pointer)) !== target) await rm(pointer); // a link to a blob that was removed
        return existsSync(pointer) ? undefined : this.link(etag, commit, path, isNew);
      }
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EACCES') throw error;
      await (isNew ? rename(blob, pointer) : copyFile(blob, pointer));
    }
  }
}
