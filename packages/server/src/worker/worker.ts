// A worker: takes jobs, has the engine make them, stores the files, and tells how far it is. It holds a lease on what it makes
// and stops within a step where it has lost it. Not here: who may take what (jobs/leases.ts), processes (processes.ts).

import { randomUUID } from 'node:crypto';
import { InputError } from 'moviegen';
import { isFull } from '../errors.ts';
import type { WorkerJobs } from '../jobs/leases.ts';
import type { Claimed, Preview } from '../jobs/rows.ts';
import type { Log } from '../log.ts';
import { pause } from '../pause.ts';
import { bytesOf, type Store } from '../store/store.ts';
import { type Engine, EngineBroken, type EngineProgress } from './engine.ts';
import { previewOf, removeAttempt, removeEarlier, storeFiles } from './files.ts';

/** What a worker needs. */
export interface WorkerOptions {
  readonly jobs: WorkerJobs;
  readonly store: Store;
  readonly engine: Engine;
  readonly log: Log;
  /** After so many seconds of silence the worker counts as dead; it speaks three times as often. */
  readonly leaseSeconds: number;
  /** The most jobs that are made together. */
  readonly batch: number;
  /** Between two looks at an empty queue. */
  readonly pollMs?: number;
  /** Default: a new name. */
  readonly name?: string;
}

/** Steps are told at most so often, which is also how soon a worker notices that a video was deleted. */
const TELL_MS = 200;
const PREVIEW_MS = 800;

/** Runs until the signal aborts: what it makes then goes back to the queue. @throws EngineBroken */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { jobs, engine, batch, log, leaseSeconds, pollMs = 300, name = randomUUID() } = options;
  const bounds = engine.cards.map(({ maxPixels }) => maxPixels ?? Number.POSITIVE_INFINITY);
  const maxClass = Math.min(60, Math.floor(Math.log2(Math.min(...bounds))));
  const wish = { worker: name, models: engine.cards.map((card) => card.name), maxClass, batch };
  let announced = 0;
  let reachable = true;
  while (!signal.aborted) {
    let claimed: Claimed[] = [];
    try {
      if (Date.now() - announced > leaseSeconds * 500) {
        await jobs.announce(name, engine.cards);
        announced = Date.now();
      }
      claimed = await jobs.claim(wish);
      if (!reachable) log('database is back');
      reachable = true;
    } catch (error) {
      if (reachable) log('cannot take jobs', { reason: (error as Error).message });
      reachable = false;
    }
    if (claimed.length > 0) await new Group(options, claimed, name).run(signal);
    else await pause(reachable ? pollMs : 1000, signal);
  }
}

/** Jobs that are made together. */
class Group {
  readonly #options: WorkerOptions;
  readonly #claimed: readonly Claimed[];
  readonly #worker: string;
  readonly #stop = new AbortController();
  /** Jobs that are still this worker's to finish. */
  readonly #mine: Set<Claimed>;
  #told = 0;
  #previewed = 0;
  #watched = false;

  constructor(options: WorkerOptions, claimed: readonly Claimed[], worker: string) {
    this.#options = options;
    this.#claimed = claimed;
    this.#mine = new Set(claimed);
    this.#worker = worker;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { engine, store, leaseSeconds, jobs, log } = this.#options;
    const onAbort = () => this.#stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    const began = Date.now();
    const heart = setInterval(() => void this.#renew().catch(() => {}), (leaseSeconds * 1000) / 3);
    try {
      const read = async (key: string) => {
        const file = await store.get(key);
        if (file === undefined) throw new InputError('a file that this job reads is no longer there');
        return bytesOf(file);
      };
      const context = { signal: this.#stop.signal, read, onProgress: this.#progress };
      for (const job of this.#claimed) await removeEarlier(store, job);
      let k = 0;
      for await (const video of engine.make(this.#claimed, context)) {
        const job = this.#claimed[k++]!;
        if (!this.#mine.has(job)) continue;
        const files = await storeFiles(store, job, video, this.#stop.signal);
        const finished = await this.#lasting(() => jobs.finish(job, files));
        this.#mine.delete(job);
        if (finished === false) await removeAttempt(store, job);
        log(finished ? 'made' : 'made in vain', {
          id: job.id,
          attempt: job.attempt,
          seconds: (Date.now() - began) / 1000,
        });
      }
    } catch (error) {
      await this.#failed(error, signal);
    } finally {
      clearInterval(heart);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** What becomes of the jobs that are not done. */
  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { jobs, log } = this.#options;
    const rest = [...this.#mine];
    const message = error instanceof Error ? error.message : String(error);
    if (rest.length === 0) return;
    if (signal.aborted) {
      await this.#lasting(() => jobs.giveBack(rest), 5000);
      return;
    }
    if (error instanceof EngineBroken) {
      for (const job of rest) await this.#lasting(() => jobs.crash(job, message), 5000);
      log('engine broken', { reason: message, worker: this.#worker });
      throw error;
    }
    const [code, text] = told(error);
    // The others are made again without it.
    if (rest.length > 1) await this.#lasting(() => jobs.giveBack(rest.slice(1)));
    await this.#lasting(() => jobs.fail(rest[0]!, code, text));
    log('failed', { id: rest[0]!.id, code, reason: message });
  }

  readonly #progress = async ({ done, preview }: EngineProgress): Promise<void> => {
    const now = Date.now();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    let pictures: Preview[] = [];
    if (preview !== undefined && this.#watched && now - this.#previewed >= PREVIEW_MS) {
      this.#previewed = now;
      pictures = (await preview()).map(previewOf);
    }
    await this.#renew(Math.min(99, 100 * done), pictures).catch(() => {}); // the heart tries again
    this.#stop.signal.throwIfAborted();
  };

  /**
   * Tells the database that these jobs are worked on, and learns which of them are not ours any more. While it is away, work
   * goes on: nobody else can take the jobs either.
   */
  async #renew(progress?: number, pictures: readonly Preview[] = []): Promise<void> {
    let watched = false;
    for (const [k, job] of this.#claimed.entries()) {
      if (!this.#mine.has(job)) continue;
      const heard = await this.#options.jobs.renew(job, progress, pictures[k]);
      watched ||= heard.watched;
      if (heard.lost) this.#mine.delete(job);
    }
    this.#watched = watched;
    if (this.#mine.size === 0)
      this.#stop.abort(new Error('the video was deleted, or is made by another worker'));
  }

  /** Tries again while the database is away: as long as the lease may last, and then once more. */
  async #lasting<T>(work: () => Promise<T>, forMs = 600_000): Promise<T | undefined> {
    for (const began = Date.now(); ; await pause(500)) {
      try {
        return await work();
      } catch (error) {
        if ((error as Error).name !== 'Unavailable' || Date.now() - began > forMs) {
          this.#options.log('the end of a job could not be told', { reason: (error as Error).message });
          return undefined;
        }
      }
    }
  }
}

/** What a client is told of a job that failed: of the library's errors their text, of others nothing but that they were. */
function told(error: unknown): [code: string, message: string] {
  if (isFull(error))
    return [
      'insufficient_storage',
      'there is no room to store the video: free some, or ask the operator, then create it again',
    ];
  if (error instanceof InputError) return ['generation_failed', error.message];
  const { name } = (error ?? {}) as { name?: unknown };
  if (name === 'OutOfMemoryError')
    return [
      'out_of_memory',
      'the memory of the device is too small for this video: make it smaller or shorter',
    ];
  return ['generation_failed', 'the video could not be made: the operator finds the reason in the log'];
}
