// The workers' side of the jobs: taking them, keeping them, ending them. Whoever holds a video's lease may finish it; a worker
// that was thought dead has lost it, and what it made is thrown away.

import { randomUUID } from 'node:crypto';
import type { ModelCard } from '../models.ts';
import type { Database, Query } from './database.ts';
import type { Queue } from './queue.ts';
import type { Claimed, JobRequest, Preview, VideoFiles } from './rows.ts';

/** What a worker wants. */
export interface Wish {
  readonly worker: string;
  readonly models: readonly string[];
  /** The largest class of sizes that it takes (`sizeClass`). */
  readonly maxClass: number;
  /** The most jobs that it makes together. */
  readonly batch: number;
}

/** What a worker hears when it tells how far it is. */
export interface Renewal {
  /** Whether the video is no longer its own: deleted, or given to another worker. */
  readonly lost: boolean;
  /** Whether somebody looks at previews. */
  readonly watched: boolean;
}

/** What workers call. Arguments and results are plain data, since a worker may be another process. */
export interface WorkerJobs {
  announce(worker: string, cards: readonly ModelCard[]): Promise<void>;
  claim(wish: Wish): Promise<Claimed[]>;
  renew(job: Claimed, progress?: number, preview?: Preview): Promise<Renewal>;
  /** @returns whether the video is finished by this; false where the lease was lost. */
  finish(job: Claimed, files: VideoFiles): Promise<boolean>;
  /** The video has failed, and another try would not help. */
  fail(job: Claimed, code: string, message: string): Promise<void>;
  /** The attempt has failed through no fault of the video's: it is tried once more. */
  crash(job: Claimed, message: string): Promise<void>;
  giveBack(jobs: readonly Claimed[]): Promise<void>;
}

/** Leases in a database. */
export class Leases implements WorkerJobs {
  readonly #database: Database;
  readonly #queue: Queue;
  readonly #keepSeconds: number;

  /** @param keepSeconds for how long finished videos are kept. */
  constructor(database: Database, queue: Queue, keepSeconds: number) {
    this.#database = database;
    this.#queue = queue;
    this.#keepSeconds = keepSeconds;
  }

  async announce(worker: string, cards: readonly ModelCard[]): Promise<void> {
    for (const card of cards)
      await this.#database.query(
        `insert into moviegen.models (name, worker, card) values ($1, $2, $3::jsonb)
         on conflict (name, worker) do update set card = excluded.card, seen = now()`,
        [card.name, worker, JSON.stringify(card)],
      );
  }

  claim({ worker, models, maxClass, batch }: Wish): Promise<Claimed[]> {
    return this.#database.transaction(async (query) => {
      const [oldest] = await query<{ queue: string }>(
        `select queue from moviegen.videos where status = 'queued' and model = any($1) and size_class <= $2
         order by seq limit 1`,
        [models, maxClass],
      );
      if (oldest === undefined) return [];
      const fetched = await this.#queue.fetch(query, oldest.queue, batch);
      const taken: Claimed[] = [];
      for (const { id: job, data, retryCount } of fetched) {
        const [video] = await query<{ model: string; request: JobRequest }>(
          `select model, request from moviegen.videos where id = $1 and job = $2 and status = 'queued' for update`,
          [data.video, job],
        );
        const { queue } = oldest;
        if (video === undefined) await this.#queue.remove(query, queue, job);
        else {
          const claimed = {
            id: data.video,
            queue,
            job,
            lease: randomUUID(),
            attempt: retryCount + 1,
            ...video,
          };
          if (taken.length === 0 || goTogether(taken[0]!, claimed)) taken.push(claimed);
          else await this.#queue.giveBack(query, queue, [job]);
        }
      }
      for (const { id, lease } of taken)
        await query(
          `update moviegen.videos set status = 'in_progress', progress = 0, lease = $2, worker = $3, preview = null
           where id = $1`,
          [id, lease, worker],
        );
      return taken;
    });
  }

  async renew({ id, lease, queue, job }: Claimed, progress = 0, preview?: Preview): Promise<Renewal> {
    const [video] = await this.#database.query<{ watched: boolean }>(
      `update moviegen.videos set progress = greatest(progress, $3), preview = coalesce($4::jsonb, preview)
       where id = $1 and lease = $2 and status = 'in_progress'
       returning coalesce(watched > now() - interval '5 seconds', false) as watched`,
      [id, lease, progress, preview === undefined ? null : JSON.stringify(preview)],
    );
    if (video === undefined) return { lost: true, watched: false };
    await this.#queue.renew(this.#database.query, queue, [job]);
    return { lost: false, watched: video.watched };
  }

  finish(job: Claimed, files: VideoFiles): Promise<boolean> {
    return this.#end(job, 'completed', files, null);
  }

  async fail(job: Claimed, code: string, message: string): Promise<void> {
    await this.#end(job, 'failed', null, { code, message });
  }

  async crash({ id, lease, queue, job }: Claimed, message: string): Promise<void> {
    await this.#database.transaction(async (query) => {
      if (await this.#holds(query, id, lease)) await this.#queue.fail(query, queue, job, message);
    });
  }

  async giveBack(jobs: readonly Claimed[]): Promise<void> {
    for (const { id, lease, queue, job } of jobs)
      await this.#database.transaction(async (query) => {
        if (!(await this.#holds(query, id, lease))) return;
        await query(
          `update moviegen.videos set status = 'queued', lease = null, worker = null, progress = 0, preview = null
           where id = $1`,
          [id],
        );
        await this.#queue.giveBack(query, queue, [job]);
      });
  }

  async #holds(query: Query, id: string, lease: string): Promise<boolean> {
    const found = await query(
      `select 1 from moviegen.videos where id = $1 and lease = $2 and status = 'in_progress' for update`,
      [id, lease],
    );
    return found.length > 0;
  }

  #end(
    { id, lease, queue, job }: Claimed,
    status: 'completed' | 'failed',
    files: VideoFiles | null,
    error: { code: string; message: string } | null,
  ): Promise<boolean> {
    return this.#database.transaction(async (query) => {
      const ended = await query(
        `update moviegen.videos set status = $3, files = $4::jsonb, error = $5::jsonb, completed = now(),
           expires = now() + $6 * interval '1 second', lease = null, preview = null,
           progress = case when $3 = 'completed' then 100 else progress end
         where id = $1 and (lease = $2 and status = 'in_progress') returning 1`,
        [
          id,
          lease,
          status,
          files && JSON.stringify(files),
          error && JSON.stringify(error),
          this.#keepSeconds,
        ],
      );
      if (ended.length > 0) await this.#queue.remove(query, queue, job);
      return ended.length > 0;
    });
  }
}

/** Whether a job can be made in one batch with another. One that has lost a worker is made alone: it may be the reason. */
function goTogether(first: Claimed, next: Claimed): boolean {
  const same = ['width', 'height', 'numFrames', 'fps', 'steps', 'guidanceScale'] as const;
  return (
    [first, next].every(({ attempt, request }) => attempt === 1 && request.kind === 'text') &&
    first.model === next.model &&
    same.every((name) => first.request[name] === next.request[name])
  );
}
