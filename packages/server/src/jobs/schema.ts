// The tables beside the queue's own: videos and what became of them, characters, the models that workers announce. Their
// version is checked, so that an older program does not write into a newer one's data.

import { InputError } from 'moviegen';
import type { Database } from './database.ts';

/** Counts up with every change of the tables or of the files in the data folder. */
export const DATA_VERSION = 1;

// `seq` orders videos; `job` and `queue` name the job of pg-boss; `lease` is the attempt that may finish the video.
const TABLES = `
  create schema if not exists moviegen;
  create table if not exists moviegen.version (version int not null);
  create table if not exists moviegen.videos (
    id text primary key,
    seq bigserial not null,
    owner text not null,
    job uuid not null,
    queue text not null,
    model text not null,
    size_class int not null,
    status text not null default 'queued',
    request jsonb not null,
    progress real not null default 0,
    created timestamptz not null default now(),
    completed timestamptz,
    expires timestamptz,
    error jsonb,
    files jsonb,
    idempotency text,
    fingerprint text,
    lease text,
    worker text,
    preview jsonb,
    watched timestamptz,
    restarts int not null default 0
  );
  create unique index if not exists videos_idempotency on moviegen.videos (owner, idempotency)
    where idempotency is not null;
  create index if not exists videos_owner on moviegen.videos (owner, seq);
  create index if not exists videos_waiting on moviegen.videos (model, seq) where status = 'queued';
  create index if not exists videos_owner_open on moviegen.videos (owner) where status in ('queued', 'in_progress');
  create index if not exists videos_running on moviegen.videos (id) where status = 'in_progress';
  create index if not exists videos_expiry on moviegen.videos (expires) where expires is not null;
  create table if not exists moviegen.characters (
    id text primary key,
    owner text not null,
    name text not null,
    media jsonb not null,
    created timestamptz not null default now()
  );
  create table if not exists moviegen.models (
    name text not null,
    worker text not null,
    card jsonb not null,
    seen timestamptz not null default now(),
    primary key (name, worker)
  );
`;

/** Makes the tables where they are missing. @throws InputError where a newer program has made them. */
export async function makeTables(database: Database): Promise<void> {
  await database.transaction(async (query) => {
    // Programs that start at the same time take turns.
    await query('select pg_advisory_xact_lock($1)', [0x6d6f7669]);
    const [table] = await query<{ there: boolean }>(
      "select to_regclass('moviegen.version') is not null as there",
    );
    if (table!.there) {
      const [row] = await query<{ version: number }>('select version from moviegen.version');
      checkVersion(row?.version ?? DATA_VERSION, 'the database');
    }
    await query(TABLES);
    await query(
      'insert into moviegen.version select $1::int where not exists (select from moviegen.version)',
      [DATA_VERSION],
    );
  });
}

/** @throws InputError where data are of a newer version. */
export function checkVersion(version: number, where: string): void {
  if (version > DATA_VERSION)
    throw new InputError(
      `serve: ${where} was written by a newer moviegen (data of version ${version}, this one reads ${DATA_VERSION}): update moviegen, or give another --data or --database`,
    );
}
