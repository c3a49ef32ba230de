// The queue: pg-boss on our database. A queue per model and size of jobs, so that workers take what they can do. pg-boss keeps
// order, attempts and expiry; three statements here reach into its tables, since it renews no lease, takes no job back, and makes
// queues that block one another.

import PgBoss from 'pg-boss';
import type { Database, Query } from './database.ts';

/** A job is tried once more after its worker died; a second death is its end. */
const RETRY_LIMIT = 1;

/** What pg-boss knows of a job that was taken. */
interface Fetched {
  readonly id: string;
  readonly data: { readonly video: string };
  readonly retryCount: number;
}

/** The queue of a database. */
export class Queue {
  readonly #boss: PgBoss;
  readonly #leaseSeconds: number;
  readonly #known = new Set<string>();
  #maintained = 0;

  private constructor(boss: PgBoss, leaseSeconds: number) {
    this.#boss = boss;
    this.#leaseSeconds = leaseSeconds;
  }

  /** Makes the queue's tables where they are missing. @param leaseSeconds after which a silent worker counts as dead. */
  static async open(database: Database, leaseSeconds: number): Promise<Queue> {
    const boss = new PgBoss({
      db: sqlOf(database.query),
      schedule: false,
      supervise: false,
      archiveCompletedAfterSeconds: 3600,
      deleteAfterHours: 1,
    });
    boss.on('error', () => {}); // every call reports its own failure
    await boss.start();
    return new Queue(boss, leaseSeconds);
  }

  /** Adds a job for a video, within a transaction. @param job its id, a UUID */
  async send(query: Query, queue: string, job: string, video: string): Promise<void> {
    await this.#boss.send(queue, { video }, { id: job, db: sqlOf(query) });
  }

  /** Makes a queue where it is missing. Those who do so at the same time take turns: it is a table. */
  async ensure(database: Database, queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    const options = {
      policy: 'standard',
      retryLimit: RETRY_LIMIT,
      expireInSeconds: this.#leaseSeconds,
      retentionMinutes: 5_256_000,
    };
    await database.transaction(async (query) => {
      await query('select pg_advisory_xact_lock($1)', [0x71756575]);
      await query('select pgboss.create_queue($1, $2::json)', [queue, JSON.stringify(options)]);
    });
    this.#known.add(queue);
  }

  /** Takes up to `count` jobs, the oldest first. */
  async fetch(query: Query, queue: string, count: number): Promise<Fetched[]> {
    const options = { batchSize: count, includeMetadata: true as const, priority: false, db: sqlOf(query) };
    return this.#boss.fetch(queue, options) as Promise<unknown> as Promise<Fetched[]>;
  }

  /** Ends a job, whatever its state. */
  async remove(query: Query, queue: string, job: string): Promise<void> {
    await this.#boss.deleteJob(queue, job, { db: sqlOf(query) });
  }

  /** Ends an attempt that went wrong: the job is tried again, or has failed. */
  async fail(query: Query, queue: string, job: string, message: string): Promise<void> {
    await this.#boss.fail(queue, job, { message }, { db: sqlOf(query) });
  }

  /** Puts the end of leases off, from now. */
  async renew(query: Query, queue: string, jobs: readonly string[]): Promise<void> {
    await query(
      `update pgboss.job set expire_in = now() - started_on + $3 * interval '1 second'
       where name = $1 and id = any($2::uuid[]) and state = 'active'`,
      [queue, jobs, this.#leaseSeconds],
    );
  }

  /** Takes jobs back that were not begun or were given up on purpose: the attempt does not count. */
  async giveBack(query: Query, queue: string, jobs: readonly string[]): Promise<void> {
    await query(
      `update pgboss.job set state = 'created', started_on = null
       where name = $1 and id = any($2::uuid[]) and state = 'active'`,
      [queue, jobs],
    );
  }

  /** Ends the attempts whose leases are over, and now and then removes what is no longer needed. */
  async expire(): Promise<void> {
    await this.#boss.expire();
    if (Date.now() - this.#maintained < 300_000) return;
    this.#maintained = Date.now();
    await this.#boss.maintain();
  }
}

const sqlOf = (query: Query): PgBoss.Db => ({
  executeSql: async (text, values) => ({ rows: await query(text, values) }),
});
