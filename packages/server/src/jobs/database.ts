// A PostgreSQL, as the queue uses it: a real one, or PGlite in a folder (pglite.ts). One code path serves both.

import pg from 'pg';
import { Unavailable } from '../errors.ts';

/** A row of a result. */
export type Row = Record<string, unknown>;

/** Runs one statement; several, separated by semicolons, where there are no values. */
export type Query = <T extends Row = Row>(sql: string, values?: readonly unknown[]) => Promise<T[]>;

/** A database. Every method throws `Unavailable` where it cannot be reached. */
export interface Database {
  readonly kind: 'postgresql' | 'pglite';
  readonly query: Query;
  /** Does all of the work, or nothing; from its beginning again where others stood in its way. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects to a PostgreSQL. Connections that break are replaced by new ones. @throws Unavailable */
export async function openPostgres(url: string): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 5000,
    application_name: 'moviegen',
    // A statement that waits for ever would keep a client's request as long.
    statement_timeout: 30_000,
  });
  pool.on('error', () => {}); // an idle connection broke: the next query takes a new one
  const on =
    (client: Pick<pg.PoolClient, 'query'>): Query =>
    async (sql, values) => {
      const result = await client.query(sql, values as unknown[]).catch(rethrow);
      return ((Array.isArray(result) ? result.at(-1) : result)?.rows ?? []) as never;
    };
  const database: Database = {
    kind: 'postgresql',
    query: on(pool),
    async transaction(work) {
      for (let tries = 1; ; tries++)
        try {
          return await attempt(work);
        } catch (error) {
          if (tries >= 5 || !CONFLICT.test((error as { code?: string }).code ?? '')) throw error;
        }
    },
    close: () => pool.end(),
  };
  async function attempt<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch(rethrow);
    let broken: Error | undefined;
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await client.query('begin').catch(rethrow);
      const result = await work(on(client));
      await client.query('commit').catch(rethrow);
      return result;
    } catch (error) {
      await client.query('rollback').catch((cause: Error) => {
        broken ??= cause;
      });
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }
  try {
    await database.query('select 1');
  } catch (error) {
    await pool.end().catch(() => {});
    throw error;
  }
  return database;
}

/** SQLSTATE of a deadlock, and of transactions that could not follow one another. */
const CONFLICT = /^(40001|40P01)$/;
/** Classes of SQLSTATE that say that the server is gone, going or full of connections. */
const GONE = /^(08|57P|53|58)/;

function rethrow(error: NodeJS.ErrnoException): never {
  const { code = '', message } = error;
  const lost =
    GONE.test(code) || /^E[A-Z]+$/.test(code) || /terminated|timeout|not queryable|Connection/.test(message);
  if (lost) throw new Unavailable(`the database cannot be reached: ${message}`, { cause: error });
  throw error;
}
