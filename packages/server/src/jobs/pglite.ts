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
      if (values.length === 0) return ((await session.exec(sql)).at(-1)?.rows ?? []) as never;
      return (await session.query(sql, values as unknown[])).rows as never;
    };
  return {
    kind: 'pglite',
    query: on(lite),
    transaction: (work) => lite.transaction((session) => work(on(session as unknown as PGlite))),
    close: () => lite.close(),
  };
}
