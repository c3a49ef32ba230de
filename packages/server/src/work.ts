// moviegen worker: makes the videos of a server's queue. On a machine of its own it has the database's address; as a process
// of a server (processes.ts) it talks to that.

import type { Command } from 'commander';
import { InputError } from 'moviegen';
import { defaultModel, type Run } from 'moviegen/cli';
import { openDatabase, openStore } from './data.ts';
import { Leases } from './jobs/leases.ts';
import { Queue } from './jobs/queue.ts';
import { makeTables } from './jobs/schema.ts';
import { endDeadAttempts } from './jobs/sweep.ts';
import { LIMITS } from './limits.ts';
import { stderrLog } from './log.ts';
import { loadPipelines, modelsOf, type WorkerSettings, withWorker } from './options.ts';
import { every } from './server.ts';
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
      const settings = { ...options, model: modelsOf(options.model, defaultModel) };
      await work(run, settings, {
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
  {
    ready,
    ...line
  }: { readonly name?: string; readonly jobs: Parameters<typeof runWorker>[0]['jobs']; ready(): void },
): Promise<void> {
  const store = await openStore(settings);
  const engine = pipelineEngine(await loadPipelines(run, settings), settings.maxPixels);
  try {
    await line.jobs.announce(line.name ?? 'new', engine.cards);
    ready();
    const { batch, lease: leaseSeconds } = settings;
    await runWorker({ ...line, store, engine, log: stderrLog, leaseSeconds, batch }, run.signal);
  } finally {
    await engine.close();
  }
}
