// The same over a real PostgreSQL, with workers as processes that reach it themselves. Run by vitest.postgres.config.ts, which
// needs the system's package.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, killAtRandom, ServerProcess } from '../support/killing.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { ended, testServer, until } from '../support/server.ts';

const kills = Number(process.env.MOVIEGEN_KILLS ?? 3);
let postgres: Postgres;
let data: string;
beforeAll(async () => {
  postgres = await startPostgres();
  data = await mkdtemp(join(tmpdir(), 'moviegen-shared-'));
});
afterAll(async () => {
  await postgres?.close();
  await rm(data, { recursive: true, force: true });
});

it('creates, makes, lists and deletes videos, one per idempotency key', async () => {
  const server = await testServer({ data, database: await postgres.newDatabase() });
  const client = server.client();
  const headers = { 'Idempotency-Key': 'once' };
  const same = await Promise.all(
    Array.from({ length: 8 }, () => client.videos.create({ prompt: 'x' }, { headers })),
  );
  expect(new Set(same.map(({ id }) => id)).size).toBe(1);
  const { id } = await client.videos.create({ prompt: 'y' });
  for (const one of [id, same[0]!.id]) expect((await ended(client, one)).status).toBe('completed');
  expect((await client.videos.list({ order: 'asc' })).data.map((video) => video.prompt)).toEqual(['x', 'y']);
  await client.videos.delete(id);
  expect((await client.videos.list()).data.length).toBe(1);
  await server.close();
});

it('workers share jobs without doing one twice, and one that joins is used', async () => {
  const database = await postgres.newDatabase();
  const begun = join(data, 'begun');
  const settings = { data, database, workers: 0, begun, stepMs: 40, leaseSeconds: 5 };
  const server = new ServerProcess({ ...settings, port: await freePort() });
  await server.start();
  const workers: ServerProcess[] = [];
  const join_ = async () => {
    const worker = new ServerProcess({ ...settings, port: 0, role: 'worker' });
    workers.push(worker);
    await worker.start();
  };
  await join_();
  await join_();
  const { client } = server;
  const ids: string[] = [];
  for (let k = 0; k < 40; k++) ids.push((await client.videos.create({ prompt: `${k}` })).id);
  const joined = join_();
  for (const id of ids) expect((await ended(client, id, 60_000)).status).toBe('completed');
  await joined;
  const more: string[] = [];
  for (let k = 0; k < 9; k++) more.push((await client.videos.create({ prompt: `${k}` })).id);
  for (const id of more) expect((await ended(client, id)).status).toBe('completed');
  const lines = (await readFile(begun, 'utf8')).split('\n').filter(Boolean);
  expect(lines.length).toBe(49);
  expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(49);
  const by = new Map<string, number>();
  for (const line of lines) by.set(line.split(' ')[2]!, (by.get(line.split(' ')[2]!) ?? 0) + 1);
  expect(by.size).toBe(3);
  for (const one of [...workers, server]) await one.end('SIGTERM');
});

it('says 503 while the database is away, and goes on by itself when it is back', async () => {
  const server = await testServer({ data, database: await postgres.newDatabase(), leaseSeconds: 30 });
  const client = server.client();
  const { id } = await client.videos.create({ prompt: 'slow', steps: 40 } as OpenAI.Videos.VideoCreateParams);
  await until(() => server.engine.made.length === 1);
  await postgres.kill();
  for (const call of [
    () => client.videos.retrieve(id),
    () => client.videos.create({ prompt: 'x' }),
    () => client.videos.list(),
  ]) {
    const error = await call().catch((one) => one);
    expect(error).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  await postgres.start();
  expect((await ended(client, id)).status).toBe('completed');
  expect(server.engine.made.length).toBe(1); // its worker went on meanwhile
  const next = await client.videos.create({ prompt: 'x' });
  expect((await ended(client, next.id)).status).toBe('completed');
  await server.close();
});

it(`survives ${kills} kills of the database, the server and its workers`, {
  timeout: 60_000 + kills * 20_000,
}, async () => {
  const outcome = await killAtRandom({
    kills,
    jobs: 8 * kills,
    workers: 2,
    data: await mkdtemp(join(data, 'kills-')),
    database: await postgres.newDatabase(),
    seed: Number(process.env.MOVIEGEN_SEED ?? Date.now() % 100_000),
    killDatabase: async () => {
      await postgres.kill();
      await postgres.start();
    },
  });
  if (kills > 10) console.log(JSON.stringify(outcome));
  expect(outcome.wrong).toEqual([]);
  expect(outcome.completed + outcome.died).toBe(8 * kills);
});
