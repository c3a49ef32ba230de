// Tables of variants in Node: one file per adapter in the cache folder.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTable } from '../tuning/store.ts';
import type { TuneStore } from '../tuning/tuner.ts';
import { cacheFolders } from './swiftshader.ts';

/** Tables in the first of these folders that has one; they are saved in the first that can be written. */
export const fileStore = (folders: readonly string[] = cacheFolders()): TuneStore => ({
  async load(name) {
    const texts = folders.map((folder) => readFile(pathIn(folder, name), 'utf8').catch(() => undefined));
    return (await Promise.all(texts)).map(parseTable).find((table) => table !== undefined);
  },
  async save(name, table) {
    for (const folder of folders) {
      const path = pathIn(folder, name);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(`${path}.${process.pid}`, `${JSON.stringify(table, null, 1)}\n`);
        await rename(`${path}.${process.pid}`, path);
        return;
      } catch {
        // try the next folder; without any, the table is measured again next time
      }
    }
  },
});

const pathIn = (folder: string, name: string): string =>
  join(folder, `tuning-${createHash('sha256').update(name).digest('hex').slice(0, 16)}.json`);
