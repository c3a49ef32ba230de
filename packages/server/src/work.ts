// moviegen worker: makes the videos of a server's queue. On a machine of its own it has the database's address; as a process
// of a server (processes.ts) it talks to that.

import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { InputError } from 'moviegen';
import { defaultModel, type Run } from 'moviegen/cli';
import { openDatabase, openStore } from './data.ts';
import { Unavailable } from './errors.ts';
import { Leases, type WorkerJobs } from './jobs/leases.ts';
import { Queue } from './jobs/queue.ts';
import { makeTables } from './jobs/schema.ts';
import { endDeadAttempts } from './jobs/sweep.ts';
import { LIMITS } from './limits.ts';
import { stderrLog } from './log.ts';
import { loadPipelines, modelsOf, type WorkerSettings, withWorker } from './options.ts';
import { pause } from './pause.ts';
import { every } from './server.ts';
import type { Engine } from './worker/engine.ts';
import { pipelineEngine } from './worker/pipelines.ts';
import { serverLine } from './worker/processes.ts';
import { runWorker } from './worker/worker.ts';

interface Options extends Omit<WorkerSettings, 'model'> {
  readonly model?: WorkerSettings['model'];
  readonly database?: string;
  readonly ofServer?: boolean;
  readonly keep: number;
}

/** Adds the command. */
export function addWorker(program: Command, run: Run): void {
  const command = program
    .command('worker')
    .description('take jobs from a database that a server fills, and make their videos');
  withWorker(command)
    .addOption(command.createOption('--of-server').hideHelp())
    .action((options: Options) => (options.ofServer ? ofServer(run) : worker(run, options)));
}

/** A process of a server. */
async function ofServer(run: Run): Promise<void> {
  const { settings, name, jobs, ready, close } = await serverLine();
  try {
    await work(run, settings as WorkerSettings, { name, jobs, ready });
  } finally {
    close();
  }
}

/** A worker on its own. */
async function worker(run: Run, options: Options): Promise<void> {
  run.configure(options);
  if (options.database === undefined)
    throw new InputError(
      'worker: give --database, the PostgreSQL of the server; moviegen serve has workers of its own',
    );
  const { database, close } = await openDatabase(options);
  try {
    await makeTables(database);
    const queue = await Queue.open(database, options.lease);
    const sweep = () => endDeadAttempts(database, queue, LIMITS.keepSeconds);
    const timer = every((options.lease * 1000) / 3, sweep, stderrLog);
    try {
      const settings = { ...options, model: modelsOf(options, defaultModel) };
      await work(run, settings, {
        name: randomUUID(),
        jobs: new Leases(database, queue, LIMITS.keepSeconds),
        ready: () => run.say('worker: ready'),
      });
    } finally {
      clearInterval(timer);
    }
  } finally {
    await close();
  }
}

async function work(
  run: Run,
  settings: WorkerSettings,
  { ready, ...line }: { readonly name: string; readonly jobs: WorkerJobs; ready(): void },
): Promise<void> {
  const store = await openStore(settings);
  const engine = pipelineEngine(await loadPipelines(run, settings), settings.maxPixels);
  try {
    await announced(line, engine, run.signal);
    ready();
    const { batch, lease: leaseSeconds } = settings;
    await runWorker({ ...line, store, engine, log: stderrLog, leaseSeconds, batch }, run.signal);
  } finally {
    await engine.close();
  }
}

/** Tells of the models; again while the database is away. */
async function announced(
  { jobs, name }: { readonly jobs: WorkerJobs; readonly name: string },
  { cards }: Engine,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted)
    try {
      return await jobs.announce(name, cards);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await pause(1000, signal);
    }
}
