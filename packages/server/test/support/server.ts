// A server for a test: a database in a folder, copied from one that was made once, since making one takes seconds; a worker
// with the fake engine in the same process; OpenAI's own client.

import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import {
  runWorker,
  type Server,
  type ServerOptions,
  startServer,
  type WorkerOptions,
} from '../../src/index.ts';
import { openPGlite } from '../../src/jobs/pglite.ts';
import { Queue } from '../../src/jobs/queue.ts';
import { makeTables } from '../../src/jobs/schema.ts';
import { type FakeEngine, fakeEngine } from './fakeEngine.ts';

/** Lines of the log, to look for what should not stand in them. */
export interface TestServer extends Server {
  readonly engine: FakeEngine;
  readonly data: string;
  readonly lines: string[];
  /** A client with one of the keys, or none. It tries nothing twice. */
  client(key?: string): OpenAI;
  /** Ends the worker; what it makes goes back. */
  stopWorker(): Promise<void>;
  startWorker(options?: Partial<WorkerOptions>): void;
  /** @param keeps whether the data folder stays */
  close(keeps?: boolean): Promise<void>;
}

export const KEYS = ['key-of-ada-0001', 'key-of-grace-02'];

/** A data folder with an empty database in it. */
export async function dataFolder(): Promise<string> {
  const { version } = JSON.parse(
    await readFile(
      fileURLToPath(import.meta.resolve('@electric-sql/pglite')).replace(/dist.*/, 'package.json'),
      'utf8',
    ),
  );
  const schema = await readFile(new URL('../../src/jobs/schema.ts', import.meta.url));
  const template = join(tmpdir(), `moviegen-pglite-${version}-${schema.length}`);
  if (!existsSync(template)) {
    const begun = await mkdtemp(`${template}-`);
    const database = await openPGlite(join(begun, 'database'));
    await makeTables(database);
    await Queue.open(database, 30);
    await database.close();
    await rename(begun, template).catch(() => rm(begun, { recursive: true }));
  }
  const data = await mkdtemp(join(tmpdir(), 'moviegen-data-'));
  await cp(template, data, { recursive: true });
  return data;
}

/** Starts a server and a worker. @param worker false for none */
export async function testServer(
  options: Partial<ServerOptions> = {},
  worker: Partial<WorkerOptions> | false = {},
): Promise<TestServer> {
  const leaseSeconds = options.leaseSeconds ?? 3;
  const data = options.data ?? (await dataFolder());
  const lines: string[] = [];
  const log = (event: string, values?: object) => void lines.push(JSON.stringify({ event, ...values }));
  const server = await startServer({ port: 0, data, keys: KEYS, leaseSeconds, log, ...options });
  const engine = fakeEngine();
  let stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const startWorker = (more: Partial<WorkerOptions> = {}) => {
    stop = new AbortController();
    const { leases: jobs, store } = server;
    running = runWorker(
      { jobs, store, engine, log, leaseSeconds, batch: 1, pollMs: 20, ...worker, ...more },
      stop.signal,
    );
    running.catch(() => {});
  };
  await server.leases.announce('test', engine.cards);
  if (worker !== false) startWorker();
  const stopWorker = async () => {
    stop.abort();
    await running.catch(() => {});
  };
  return {
    ...server,
    engine,
    data,
    lines,
    client: (key = KEYS[0]!) => new OpenAI({ apiKey: key, baseURL: `${server.url}/v1`, maxRetries: 0 }),
    startWorker,
    stopWorker,
    async close(keeps = false) {
      await stopWorker();
      await server.close();
      if (options.data === undefined && !keeps) await rm(data, { recursive: true, force: true });
    },
  };
}

/** Waits until a video is done or has failed. */
export async function ended(client: OpenAI, id: string, withinMs = 30_000): Promise<OpenAI.Videos.Video> {
  for (const began = Date.now(); ; ) {
    const video = await client.videos.retrieve(id);
    if (video.status === 'completed' || video.status === 'failed') return video;
    if (Date.now() - began > withinMs) throw new Error(`${id} is ${video.status} after ${withinMs} ms`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Waits for something to be so. */
export async function until(so: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  for (const began = Date.now(); !(await so()); ) {
    if (Date.now() - began > withinMs) throw new Error(`still not so after ${withinMs} ms: ${so}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
