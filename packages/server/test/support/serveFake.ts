// A server as a process, with worker processes that have the fake engine, to be killed. Its settings come as JSON; each
// attempt that a worker begins is a line of the file `begun`. It runs from the build, which starts sooner than the sources.

import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runWorker, type ServerLine, serverLine, startServer, startWorkers } from '../../dist/index.js';
import { openPostgres } from '../../dist/jobs/database.js';
import { Leases } from '../../dist/jobs/leases.js';
import { Queue } from '../../dist/jobs/queue.js';
import { makeTables } from '../../dist/jobs/schema.js';
import { folderStore } from '../../dist/store/folder.js';
import { fakeEngine } from './fakeEngine.ts';

interface Settings {
  readonly data: string;
  readonly database?: string;
  readonly port: number;
  readonly workers: number;
  readonly begun: string;
  readonly stepMs: number;
  readonly leaseSeconds: number;
  /** `worker`: no server, but a worker that reaches the database itself. */
  readonly role?: 'worker';
}

const silent = () => {};
const given: Settings | undefined = process.argv[2] === undefined ? undefined : JSON.parse(process.argv[2]);

if (given?.role === 'worker') {
  const database = await openPostgres(given.database!);
  await makeTables(database);
  const queue = await Queue.open(database, given.leaseSeconds);
  const jobs = new Leases(database, queue, 3600);
  console.log(JSON.stringify({ pids: [] }));
  await work(given, { jobs, name: String(process.pid) });
  await database.close();
} else if (given !== undefined) {
  const settings = given;
  const { workers, port, data, database, leaseSeconds } = settings;
  const limits = { perKey: 100_000, queued: 100_000 };
  const server = await startServer({ port, data, database, leaseSeconds, limits, log: silent });
  const program = { file: fileURLToPath(import.meta.url), args: [], settings };
  const processes = startWorkers(workers, program, server, silent);
  await processes.ready;
  console.log(JSON.stringify({ pids: processes.pids() }));
  process.on('SIGTERM', async () => {
    await processes.close();
    await server.close();
  });
} else {
  const line = await serverLine();
  await work(line.settings as Settings, line);
  line.close();
}

async function work(
  { data, begun, stepMs, leaseSeconds }: Settings,
  line: Pick<ServerLine, 'jobs' | 'name'> & Partial<ServerLine>,
): Promise<void> {
  const engine = fakeEngine(stepMs);
  const { make } = engine;
  engine.make = (jobs, context) => {
    for (const { id, attempt } of jobs) appendFileSync(begun, `${id} ${attempt} ${process.pid}\n`);
    return make(jobs, context);
  };
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  await line.jobs.announce(line.name, engine.cards);
  line.ready?.();
  const store = await folderStore(data);
  await runWorker({ ...line, store, engine, log: silent, leaseSeconds, batch: 1, pollMs: 30 }, stop.signal);
}
