// A server as a process, with worker processes that have the fake engine, to be killed. Its settings come as JSON; each
// attempt that a worker begins is a line of the file `begun`. It runs from the build, which starts sooner than the sources.

import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runWorker, serverLine, startServer, startWorkers } from '../../dist/index.js';
import { fakeEngine } from './fakeEngine.ts';

interface Settings {
  readonly data: string;
  readonly database?: string;
  readonly port: number;
  readonly workers: number;
  readonly begun: string;
  readonly stepMs: number;
  readonly leaseSeconds: number;
}

const silent = () => {};

if (process.send === undefined) {
  const settings: Settings = JSON.parse(process.argv[2]!);
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
  const { data, begun, stepMs, leaseSeconds } = line.settings as Settings;
  const engine = fakeEngine(stepMs);
  const { make } = engine;
  engine.make = (jobs, context) => {
    for (const { id, attempt } of jobs) appendFileSync(begun, `${id} ${attempt}\n`);
    return make(jobs, context);
  };
  const { folderStore } = await import('../../dist/store/folder.js');
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  await line.jobs.announce(line.name, engine.cards);
  line.ready();
  const store = await folderStore(data);
  await runWorker({ ...line, store, engine, log: silent, leaseSeconds, batch: 1, pollMs: 30 }, stop.signal);
  line.close();
}
