// A folder as a store: a file is written under another name, brought to the disk, and renamed.

import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type ByteRange, checkKey, type Store } from './store.ts';

/** Files in `videos/ID/NAME` of the data folder. */
export async function folderStore(data: string): Promise<Store> {
  const root = join(data, 'videos');
  const scratch = join(data, 'scratch');
  for (const folder of [root, scratch]) await mkdir(folder, { recursive: true });
  const pathOf = (key: string) => join(root, checkKey(key));
  const take = async (key: string, path: string): Promise<void> => {
    const to = pathOf(key);
    await mkdir(dirname(to), { recursive: true });
    await sync(path);
    await rename(path, to);
    await sync(dirname(to));
  };
  /** Writes a file beside the others, and gives it its name once it is whole. */
  const whole = async (key: string, write: (path: string) => Promise<void>): Promise<void> => {
    const path = join(scratch, randomUUID());
    try {
      await write(path);
      await take(key, path);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  };
  return {
    scratch,
    take,
    put: (key, bytes) =>
      whole(key, async (path) => {
        const file = await open(path, 'wx');
        try {
          await file.writeFile(bytes);
        } finally {
          await file.close();
        }
      }),
    async copy(from, to) {
      const source = pathOf(from);
      if ((await stat(source).catch(missing)) === undefined) return false;
      await whole(to, (path) => copyFile(source, path, constants.COPYFILE_FICLONE));
      return true;
    },
    async get(key, range?: ByteRange) {
      const path = pathOf(key);
      const found = await stat(path).catch(missing);
      if (found === undefined) return undefined;
      const { start, end } = range ?? { start: 0, end: found.size - 1 };
      const body = Readable.toWeb(createReadStream(path, { start, end: Math.max(start, end) }));
      return { body: body as ReadableStream<Uint8Array>, size: end - start + 1, total: found.size };
    },
    async remove(id, which) {
      const folder = dirname(pathOf(`${id}/x.x`));
      if (which === undefined) return rm(folder, { recursive: true, force: true });
      for (const name of (await readdir(folder).catch(missing)) ?? [])
        if (which(name)) await rm(join(folder, name), { force: true });
      await rmdir(folder).catch(() => {}); // where nothing else is in it
    },
    async *ids(olderThanSeconds) {
      const now = Date.now();
      const old: string[] = [];
      for (const id of await readdir(root)) {
        const found = await stat(join(root, id)).catch(missing);
        if (found !== undefined && now - found.mtimeMs > olderThanSeconds * 1000) old.push(id);
      }
      yield old;
    },
    async check() {
      await stat(root);
    },
  };
}

/** Waits until a file or a folder's names are on the disk; not every system can do so with folders. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync().catch((error: NodeJS.ErrnoException) => {
      if (!['EINVAL', 'EPERM', 'EISDIR'].includes(error.code ?? '')) throw error;
    });
  } finally {
    await file.close();
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
