// What is done at intervals by every server and worker: attempts of dead workers end, videos that are too old go. All of it
// may be done twice at the same time.

import type { Database } from './database.ts';
import type { Queue } from './queue.ts';

/** Ends attempts whose workers have died: their videos wait again, or have failed where that was the second death. */
export async function endDeadAttempts(database: Database, queue: Queue, keepSeconds: number): Promise<void> {
  await queue.expire();
  const failed = await database.query<{ queue: string; job: string; status: string }>(
    `update moviegen.videos v set lease = null, worker = null, preview = null,
       status = case when j.state = 'failed' then 'failed' else 'queued' end,
       progress = case when j.state = 'failed' then progress else 0 end,
       completed = case when j.state = 'failed' then now() end,
       expires = case when j.state = 'failed' then now() + $1 * interval '1 second' end,
       error = case when j.state = 'failed' then jsonb_build_object('code', 'worker_died', 'message',
         'two workers have died while they made this video, so that it is not tried again: make it smaller, or ask the operator'
         || coalesce(' (' || nullif(j.output->>'message', '') || ')', '')) end
     from pgboss.job j
     where v.status = 'in_progress' and j.name = v.queue and j.id = v.job and j.state in ('created', 'retry', 'failed')
     returning v.queue, v.job, v.status`,
    [keepSeconds],
  );
  for (const { queue: name, job, status } of failed)
    if (status === 'failed') await queue.remove(database.query, name, job);
}

/** Ends the leases of a worker that is known to be dead; of all workers where none is named. */
export async function endLeases(database: Database, worker?: string): Promise<void> {
  await database.query(
    `update pgboss.job j set expire_in = interval '0 seconds' from moviegen.videos v
     where v.status = 'in_progress' and j.name = v.queue and j.id = v.job and j.state = 'active'
       and ($1::text is null or v.worker = $1)`,
    [worker ?? null],
  );
}

/** So often a job may see its server die before that counts as its own fault. */
const RESTARTS = 3;

/**
 * What a server does at its start that alone has the database: whoever worked on it is dead. A server that was killed took its
 * workers along, which is no fault of their jobs; not for ever, since a job might bring the whole machine down.
 */
export async function beginAgain(database: Database): Promise<void> {
  await database.query(
    `with again as (update moviegen.videos set restarts = restarts + 1
       where status = 'in_progress' and restarts < $1 returning queue, job)
     update pgboss.job j set state = 'created', started_on = null from again
     where j.name = again.queue and j.id = again.job and j.state = 'active'`,
    [RESTARTS],
  );
  await endLeases(database);
  await database.query('delete from moviegen.models');
}

/** Removes rows of videos that were kept long enough. @returns their ids, whose files go next */
export async function removeExpired(database: Database): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `delete from moviegen.videos where expires < now() returning id`,
    [],
  );
  await database.query(`delete from moviegen.models where seen < now() - interval '1 hour'`);
  return rows.map(({ id }) => id);
}

/** Which of these ids are still those of videos or characters. */
export async function knownIds(database: Database, ids: readonly string[]): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(
    `select id from moviegen.videos where id = any($1) union all
     select id from moviegen.characters where id = any($1)`,
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}
