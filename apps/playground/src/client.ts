// The page's side of the worker: starts jobs, passes their news on, cancels them. Not here: what jobs do.

import { ProblemError } from './problem.ts';
import type { FromWorker, JobName, Jobs, ToWorker } from './protocol.ts';

/** A job that was started and has not ended. */
interface Running {
  readonly news: (news: never) => void;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** Options of a job. */
export interface JobOptions<K extends JobName> {
  readonly onNews?: (news: Jobs[K]['news']) => void;
  /** Cancels: the job rejects with the code `cancelled`. */
  readonly signal?: AbortSignal;
  readonly transfer?: Transferable[];
}

/** A worker, opened at the first job and again after it has died. */
export class Client {
  readonly #open: () => Worker;
  readonly #running = new Map<number, Running>();
  #worker: Worker | undefined;
  #next = 0;

  /** @param open makes a worker. */
  constructor(open: () => Worker) {
    this.#open = open;
  }

  /** Runs a job. @throws ProblemError */
  run<K extends JobName>(
    job: K,
    ask: Jobs[K]['ask'],
    options: JobOptions<K> = {},
  ): Promise<Jobs[K]['answer']> {
    const { onNews = () => {}, signal, transfer = [] } = options;
    const id = this.#next++;
    const worker = this.#started();
    const cancel = () => worker.postMessage({ cancel: id } satisfies ToWorker);
    const done = new Promise<Jobs[K]['answer']>((resolve, reject) => {
      this.#running.set(id, { news: onNews, resolve, reject } as Running);
    });
    worker.postMessage({ id, job, ask } as ToWorker, transfer);
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel);
    return done.finally(() => {
      signal?.removeEventListener('abort', cancel);
      this.#running.delete(id);
    });
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#open();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    worker.onerror = ({ message }) => {
      worker.terminate();
      if (this.#worker === worker) this.#worker = undefined;
      const said = message ? `: ${message}` : ' (it could not be started)';
      for (const { reject } of this.#running.values())
        reject(new ProblemError('internal', `the worker failed${said}`));
    };
    this.#worker = worker;
    return worker;
  }

  #hear(said: FromWorker): void {
    const job = this.#running.get(said.id);
    if ('news' in said) job?.news(said.news as never);
    else if ('answer' in said) job?.resolve(said.answer as never);
    else job?.reject(new ProblemError(said.problem.code, said.problem.message));
  }
}

/** The worker of this page. */
export const client = new Client(
  () => new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module', name: 'moviegen' }),
);
