// Workers as processes of a server: one that dies takes neither the server nor the other workers along. They reach the queue
// through their server, which alone has the database. Both sides of that talk are here.

import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Unavailable } from '../errors.ts';
import type { WorkerJobs } from '../jobs/leases.ts';
import type { Log } from '../log.ts';
import { pause } from '../pause.ts';

const METHODS = ['announce', 'claim', 'renew', 'finish', 'fail', 'crash', 'giveBack'] as const;

interface Call {
  readonly call: number;
  readonly method: (typeof METHODS)[number];
  readonly args: readonly unknown[];
}
type Reply = { readonly reply: number } & (
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly message: string } }
);

/** How a worker process begins. */
export interface WorkerProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly execArgv?: readonly string[] | undefined;
  /** What the worker asks for first: anything that can be copied. */
  readonly settings: unknown;
}

/** What the processes call on. */
export interface WorkerHost {
  readonly leases: WorkerJobs;
  workerDied(worker: string): Promise<void>;
}

/** Processes that are kept running. */
export interface WorkerProcesses {
  /** Resolves when each has loaded its models once. Rejects where one ends before that: it would end again. */
  readonly ready: Promise<void>;
  /** The ids of the processes, for tests. */
  pids(): number[];
  /** Asks all to give their jobs back, and waits for their end. */
  close(): Promise<void>;
}

/** Starts worker processes, and new ones in place of those that die. */
export function startWorkers(
  count: number,
  program: WorkerProgram,
  host: WorkerHost,
  log: Log,
): WorkerProcesses {
  const stop = new AbortController();
  const children = new Set<ChildProcess>();
  const keep = async (onReady: () => void, onFailed: (error: Error) => void): Promise<void> => {
    let wait = 500;
    let hasLoaded = false;
    while (!stop.signal.aborted) {
      const name = randomUUID();
      const began = Date.now();
      const child = fork(program.file, program.args, {
        serialization: 'advanced',
        ...(program.execArgv && { execArgv: [...program.execArgv] }),
      });
      children.add(child);
      const status = await attend(child, name, program.settings, host.leases, () => {
        hasLoaded = true;
        onReady();
      });
      children.delete(child);
      if (stop.signal.aborted) return;
      if (!hasLoaded) return onFailed(new Error(`a worker ended before it was ready (${status})`));
      log('worker died', { worker: name, status });
      wait = Date.now() - began > 60_000 ? 500 : Math.min(60_000, wait * 2);
      while (!stop.signal.aborted) {
        const told = await host.workerDied(name).then(
          () => true,
          () => false, // the database is away: the leases end by themselves otherwise
        );
        if (told) break;
        await pause(1000, stop.signal);
      }
      await pause(wait, stop.signal);
    }
  };
  const readies: Promise<void>[] = [];
  const ends: Promise<void>[] = [];
  for (let k = 0; k < count; k++) readies.push(new Promise((done, fail) => ends.push(keep(done, fail))));
  const ready = Promise.all(readies).then(() => {});
  ready.catch(() => {});
  return {
    ready,
    pids: () => [...children].flatMap(({ pid }) => pid ?? []),
    async close() {
      stop.abort();
      for (const child of children) child.kill('SIGTERM');
      const killed = setTimeout(() => {
        for (const child of children) child.kill('SIGKILL');
      }, 10_000);
      await Promise.all(ends);
      clearTimeout(killed);
    },
  };
}

/** Answers a process until it ends. @returns how it ended */
function attend(
  child: ChildProcess,
  name: string,
  settings: unknown,
  leases: WorkerJobs,
  onReady: () => void,
): Promise<string> {
  child.on('message', async (message: Call | { readonly hello: true } | { readonly ready: true }) => {
    const send = (answer: unknown) => void (child.connected && child.send(answer as never, () => {}));
    if ('hello' in message) return send({ settings, name });
    if ('ready' in message) return onReady();
    const { call, method, args } = message;
    try {
      if (!METHODS.includes(method)) throw new Error('internal: no such call');
      const work = leases[method] as (...args: readonly unknown[]) => Promise<unknown>;
      send({ reply: call, value: await work.apply(leases, args as unknown[]) } satisfies Reply);
    } catch (error) {
      const { name: kind, message: text } = error as Error;
      send({ reply: call, error: { name: kind, message: text } } satisfies Reply);
    }
  });
  return new Promise((done) => {
    child.on('error', (error) => done(error.message));
    child.on('exit', (status, signal) => done(signal ?? `status ${status}`));
  });
}

/** The other side: what a worker process hears and says. */
export interface ServerLine {
  readonly settings: unknown;
  readonly name: string;
  readonly jobs: WorkerJobs;
  /** Tells the server that the models are loaded. */
  ready(): void;
  close(): void;
}

/** Talks to the server that has started this process. The process ends at once where the server does. */
export async function serverLine(): Promise<ServerLine> {
  if (process.send === undefined) throw new Error('internal: this process was not started by a server');
  const waiting = new Map<number, (reply: Reply) => void>();
  let next = 0;
  const call = (method: Call['method'], args: readonly unknown[]): Promise<never> =>
    new Promise((done, fail) => {
      const id = next++;
      waiting.set(id, (reply) => {
        if ('value' in reply) return done(reply.value as never);
        const { name, message } = reply.error;
        fail(name === 'Unavailable' ? new Unavailable(message) : new Error(message));
      });
      process.send!({ call: id, method, args } satisfies Call);
    });
  const jobs = Object.fromEntries(
    METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)]),
  ) as unknown as WorkerJobs;
  // Nobody could be told of what this process makes; and it holds no lease any more when the server is back.
  const end = () => process.exit(1);
  process.on('disconnect', end);
  process.on('error', end); // what was said last did not reach it
  const hello = await new Promise<{ settings: unknown; name: string }>((done) => {
    process.on('message', (message: Reply | { settings: unknown; name: string }) => {
      if ('settings' in message) return done(message);
      waiting.get(message.reply)?.(message);
      waiting.delete(message.reply);
    });
    process.send!({ hello: true });
  });
  return {
    ...hello,
    jobs,
    ready: () => void process.send!({ ready: true }),
    close() {
      process.off('disconnect', end);
      process.removeAllListeners('message');
      process.disconnect();
    },
  };
}
