// A server: its data, its HTTP surface, its workers, and what is done at intervals. Not here: the command line (cli/).

import { readdir, rm, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type ServerType, serve } from '@hono/node-server';
import { InputError } from 'moviegen';
import { apiOf } from './api/app.ts';
import { authentication } from './api/auth.ts';
import { schemasOf } from './api/fields.ts';
import type { MediaRules } from './api/media.ts';
import { type DataOptions, openDatabase, openStore } from './data.ts';
import { Leases } from './jobs/leases.ts';
import { Queue } from './jobs/queue.ts';
import { makeTables } from './jobs/schema.ts';
import { beginAgain, endDeadAttempts, endLeases, knownIds, removeExpired } from './jobs/sweep.ts';
import { Videos } from './jobs/videos.ts';
import { LIMITS, type Limits } from './limits.ts';
import { type Log, stderrLog } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Store } from './store/store.ts';

/** Options of {@link startServer}. */
export interface ServerOptions extends DataOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Keys of clients. Default: everyone may ask. */
  readonly keys?: readonly string[] | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly allowImageUrls?: boolean | undefined;
  /** Other origins whose pages may ask. */
  readonly origins?: readonly string[] | undefined;
  /** After so many seconds of silence a worker counts as dead. Default 30. */
  readonly leaseSeconds?: number | undefined;
  readonly log?: Log | undefined;
  /** For tests. */
  readonly fetchBounds?: MediaRules['fetchBounds'];
  /** For tests: another store. */
  readonly openedStore?: Store | undefined;
}

/** What a worker of the same process, or a process of this server, needs. */
export interface Server {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  readonly leases: Leases;
  readonly videos: Videos;
  /** Ends the attempts of a worker that is known to be dead. */
  workerDied(worker: string): Promise<void>;
  close(): Promise<void>;
}

/** Default of `leaseSeconds`. */
export const LEASE_SECONDS = 30;
const CLEAN_MS = 60_000;
const ORPHANS_MS = 6 * 3600_000;

/** Starts a server. @throws InputError where an option is wrong, the port or the data folder is taken */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, host = '127.0.0.1', keys, log = stderrLog, leaseSeconds = LEASE_SECONDS } = options;
  const limits: Limits = { ...LIMITS, ...definedOf(options.limits ?? {}) };
  const opened = await openDatabase(options);
  const { database, isOwn } = opened;
  const closing = new AbortController();
  try {
    const store = options.openedStore ?? (await openStore(options));
    await makeTables(database);
    const queue = await Queue.open(database, leaseSeconds);
    if (isOwn) {
      await beginAgain(database);
      await endDeadAttempts(database, queue, limits.keepSeconds);
      if (options.store === undefined) await emptyScratch(store, 0);
    }
    const videos = new Videos(database, queue);
    const leases = new Leases(database, queue, limits.keepSeconds);
    const sweep = () => endDeadAttempts(database, queue, limits.keepSeconds);
    const services = {
      videos,
      store,
      limits,
      log,
      authenticate: authentication(keys),
      media: { ...limits, allowImageUrls: options.allowImageUrls ?? false, fetchBounds: options.fetchBounds },
      metrics: new Metrics(videos),
      schemas: schemasOf(limits.promptLength),
      origins: options.origins ?? [],
    };
    const app = apiOf(services, keys !== undefined);
    const http = await listen(app.fetch, host, port);
    const timers = [
      every((leaseSeconds * 1000) / 3, sweep, log),
      every(CLEAN_MS, () => clean(database, store), log),
      every(ORPHANS_MS, () => removeOrphans(database, store), log),
    ];
    const { port: bound } = http.address() as { port: number };
    return {
      url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}`,
      port: bound,
      store,
      leases,
      videos,
      async workerDied(worker) {
        await endLeases(database, worker);
        await sweep();
      },
      async close() {
        if (closing.signal.aborted) return;
        closing.abort();
        for (const timer of timers) clearInterval(timer);
        await new Promise<void>((done) => {
          http.close(() => done());
          // Requests that run may end; streams of events and idle connections would never.
          if ('closeIdleConnections' in http) http.closeIdleConnections();
          setTimeout(() => 'closeAllConnections' in http && http.closeAllConnections(), 500).unref();
        });
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

type Fetch = Parameters<typeof serve>[0]['fetch'];

function listen(fetch: Fetch, hostname: string, port: number): Promise<ServerType> {
  return new Promise((done, fail) => {
    const server = serve({ fetch, hostname, port }, () => done(server));
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        error.code === 'EADDRINUSE'
          ? new InputError(`serve: port ${port} is taken: give another one with --port`)
          : new InputError(`serve: cannot listen on ${hostname}:${port}: ${error.message}`, { cause: error }),
      ),
    );
  });
}

/** Does some work at intervals, not twice at the same time; a failure is tried again at the next. */
export function every(ms: number, work: () => Promise<void>, log: Log): NodeJS.Timeout {
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch (error) {
      if ((error as Error).name !== 'Unavailable') log('upkeep failed', { reason: (error as Error).message });
    } finally {
      busy = false;
    }
  }, ms);
  return timer.unref();
}

type Opened = Parameters<typeof removeExpired>[0];

async function clean(database: Opened, store: Store): Promise<void> {
  for (const id of await removeExpired(database)) await store.remove(id);
}

/** Removes files that no video has: of attempts that were killed before they could tell of them. */
async function removeOrphans(database: Opened, store: Store): Promise<void> {
  await emptyScratch(store, 86_400);
  for await (const ids of store.ids(3600)) {
    if (ids.length === 0) continue;
    const known = await knownIds(database, ids);
    for (const id of ids) if (!known.has(id)) await store.remove(id).catch(() => {});
  }
}

/** Removes files that a killed process has left half-written: those that nobody has written to for so long. */
async function emptyScratch({ scratch }: Store, seconds: number): Promise<void> {
  for (const name of await readdir(scratch)) {
    const path = join(scratch, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs >= seconds * 1000) await rm(path, { force: true });
  }
}

const definedOf = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
