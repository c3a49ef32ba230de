// Figures of docs/serving.md: npx tsx --conditions=@moviegen/source packages/server/test/figures.ts [queue|memory|workers]
// Operations per second, a create beside 10,000 waiting jobs, memory over 1,000 jobs, workers that share jobs.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openPostgres } from '../src/jobs/database.ts';
import { Leases } from '../src/jobs/leases.ts';
import { openPGlite } from '../src/jobs/pglite.ts';
import { Queue } from '../src/jobs/queue.ts';
import { makeTables } from '../src/jobs/schema.ts';
import { newId, Videos } from '../src/jobs/videos.ts';
import { freePort, ServerProcess } from './support/killing.ts';
import { startPostgres } from './support/postgres.ts';
import { dataFolder, ended, testServer } from './support/server.ts';

const request = {
  ...{
    kind: 'text' as const,
    prompt: 'x',
    negativePrompt: '',
    width: 64,
    height: 64,
    numFrames: 16,
    totalFrames: 16,
  },
  ...{ fps: 16, steps: 50, guidanceScale: 3, seed: '1', media: [], remixedFrom: null },
};
const limits = { queued: 1e6, perKey: 1e6 };
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function timed(
  count: number,
  work: () => Promise<unknown>,
): Promise<{ perSecond: number; ms: number }> {
  const took: number[] = [];
  for (let k = 0; k < count; k++) {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  }
  const sum = took.reduce((a, b) => a + b, 0);
  return { perSecond: Math.round((1000 * count) / sum), ms: Number(median(took).toFixed(2)) };
}

async function queue(database: Database): Promise<void> {
  await makeTables(database);
  const boss = await Queue.open(database, 30);
  const videos = new Videos(database, boss);
  const leases = new Leases(database, boss, 3600);
  const create = () =>
    videos.create({ id: newId('video'), owner: 'a', model: 'm', request, fingerprint: 'f' }, limits);
  await create();
  const empty = await timed(200, create);
  const claimed: Awaited<ReturnType<typeof leases.claim>> = [];
  const wish = { worker: 'w', models: ['m'], maxClass: 60, batch: 1 };
  const claim = await timed(200, async () => claimed.push(...(await leases.claim(wish))));
  const renew = await timed(200, () => leases.renew(claimed[0]!, 1));
  const files = { video: 'v', thumbnail: 't', spritesheet: 's' };
  const finish = await timed(200, () => leases.finish(claimed.pop()!, files));
  for (let k = 0; k < 10_000; k++) await create();
  const full = await timed(200, create);
  const fullClaim = await timed(100, () => leases.claim(wish));
  console.log(database.kind, {
    empty,
    claim,
    renew,
    finish,
    'create beside 10,000': full,
    'claim of 10,000': fullClaim,
  });
  await database.close();
}

const wanted = process.argv[2];
if (wanted === undefined || wanted === 'queue') {
  const data = await dataFolder();
  await queue(await openPGlite(join(data, 'database')));
  await rm(data, { recursive: true });
  const postgres = await startPostgres();
  await queue(await openPostgres(await postgres.newDatabase()));
  await postgres.close();
}
if (wanted === undefined || wanted === 'memory') {
  const server = await testServer({ limits: { perKey: 10_000, queued: 10_000 } });
  const client = server.client();
  for (let k = 0; k <= 1000; k++) {
    const { id } = await client.videos.create({ prompt: `${k}` });
    await ended(client, id);
    await client.videos.downloadContent(id).then((response) => response.arrayBuffer());
    if (k % 100 !== 0) continue;
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage();
    const mb = (bytes: number) => Math.round(bytes / 1e6);
    console.log(
      `${k} jobs: ${mb(rss)} MB, heap ${mb(heapUsed)}, buffers ${mb(arrayBuffers)}, external ${mb(external)}`,
    );
  }
  await server.close();
}
if (wanted === undefined || wanted === 'workers') {
  const postgres = await startPostgres();
  for (const count of [1, 2, 3]) {
    const data = await mkdtemp(join(tmpdir(), 'moviegen-figures-'));
    const database = await postgres.newDatabase();
    const settings = {
      data,
      database,
      workers: 0,
      begun: join(data, 'begun'),
      stepMs: 100,
      leaseSeconds: 30,
    };
    const server = new ServerProcess({ ...settings, port: await freePort() });
    await server.start();
    const workers = Array.from(
      { length: count },
      () => new ServerProcess({ ...settings, port: 0, role: 'worker' }),
    );
    for (const worker of workers) await worker.start();
    const began = performance.now();
    const ids: string[] = [];
    for (let k = 0; k < 40; k++) ids.push((await server.client.videos.create({ prompt: 'x' })).id);
    for (const id of ids) await ended(server.client, id, 120_000);
    console.log(`${count} workers: 40 jobs in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    for (const one of [...workers, server]) await one.end('SIGTERM');
    await rm(data, { recursive: true });
  }
  await postgres.close();
}
