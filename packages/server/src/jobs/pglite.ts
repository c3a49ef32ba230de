// PGlite, a PostgreSQL within this process, in the data folder: nothing to install or to start.

import { PGlite } from '@electric-sql/pglite';
import { Unavailable } from '../errors.ts';
import type { Database, Query } from './database.ts';

/** Opens the database of a folder, or makes it, which takes a few seconds. The caller keeps other processes away. */
export async function openPGlite(folder: string): Promise<Database> {
  const lite = await PGlite.create(folder);
  const on =
    (session: Pick<PGlite, 'query' | 'exec'>): Query =>
    async (sql, values = []) => {
      if (lite.closed) throw new Unavailable('the database is closed');
      try {
        if (values.length === 0) return ((await session.exec(sql)).at(-1)?.rows ?? []) as never;
        return (await session.query(sql, values as unknown[])).rows as never;
      } catch (error) {
        const { code = '', message } = error as { code?: string; message: string };
        // What PostgreSQL says of a statement has an SQLSTATE. Without one, it is PGlite itself; 53 and 58 are a full disk.
        if (/^[0-9A-Z]{5}$/.test(code) && !/^(53|58)/.test(code)) throw error;
        throw new Unavailable(`the database does not work: ${message}`, { cause: error });
      }
    };
  return {
    kind: 'pglite',
    query: on(lite),
    transaction: (work) => lite.transaction((session) => work(on(session as unknown as PGlite))),
    close: () => lite.close(),
  };
}
