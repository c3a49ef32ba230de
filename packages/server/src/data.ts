// Where a server or a worker keeps what outlives it: the database and the files, opened by the options that both share.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from 'moviegen';
import { type Database, openPostgres } from './jobs/database.ts';
import { openPGlite } from './jobs/pglite.ts';
import { checkVersion, DATA_VERSION } from './jobs/schema.ts';
import { lockFolder } from './lock.ts';
import { folderStore } from './store/folder.ts';
import { s3Options, s3Store } from './store/s3.ts';
import type { Store } from './store/store.ts';

/** Where data lie. */
export interface DataOptions {
  /** A folder. */
  readonly data: string;
  /** Address of a PostgreSQL. Default: PGlite in the folder. */
  readonly database?: string | undefined;
  /** `s3://...`. Default: the folder. */
  readonly store?: string | undefined;
}

/** Opens the store. @throws InputError */
export async function openStore({ data, store }: Pick<DataOptions, 'data' | 'store'>): Promise<Store> {
  if (store === undefined) {
    await makeFolder(data);
    return folderStore(data);
  }
  const opened = await s3Store(s3Options(store, process.env));
  try {
    await opened.check();
  } catch (cause) {
    await rm(opened.scratch, { recursive: true, force: true });
    throw new InputError(`store: it cannot be reached: ${(cause as Error).message}`, { cause });
  }
  return opened;
}

/** A database, and what ends the use of it. */
export interface OpenedDatabase {
  readonly database: Database;
  /** Whether no other process can have it. */
  readonly isOwn: boolean;
  close(): Promise<void>;
}

/** Opens the database. @throws InputError, Unavailable */
export async function openDatabase({ data, database: url }: DataOptions): Promise<OpenedDatabase> {
  if (url !== undefined) {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
      throw new InputError('database: expected postgres://USER:PASSWORD@HOST:PORT/NAME');
    const database = await openPostgres(url);
    return { database, isOwn: false, close: () => database.close() };
  }
  await makeFolder(data);
  const unlock = await lockFolder(data);
  try {
    await checkFolder(data);
    const database = await openPGlite(join(data, 'database'));
    return {
      database,
      isOwn: true,
      async close() {
        await database.close();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Makes sure that the folder's data are of a version that this program knows; notes the version of a new one. */
async function checkFolder(data: string): Promise<void> {
  const path = join(data, 'version.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    await writeFile(`${path}.new`, `${JSON.stringify({ version: DATA_VERSION })}\n`);
    return rename(`${path}.new`, path);
  }
  let version: unknown;
  try {
    version = JSON.parse(text).version;
  } catch {
    version = undefined;
  }
  if (typeof version !== 'number')
    throw new InputError(`serve: ${path} cannot be read: is ${data} a data folder of moviegen?`);
  checkVersion(version, `the data folder ${data}`);
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new InputError(`data: the folder cannot be made: ${cause.message}`, { cause });
  });
}
