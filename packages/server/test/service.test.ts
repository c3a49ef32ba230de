// What an operator relies on: limits, workers that come and go, data that outlive a process, a database that goes away, figures.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKeys, type Store, startServer } from '../src/index.ts';
import { folderStore } from '../src/store/folder.ts';
import { fakeEngine } from './support/fakeEngine.ts';
import { dataFolder, ended, KEYS, type TestServer, testServer, until } from './support/server.ts';

const more = (fields: object) => fields as OpenAI.Videos.VideoCreateParams;
const silent = () => {};

describe('one server', () => {
  let server: TestServer;
  let client: OpenAI;
  beforeAll(async () => {
    server = await testServer({ limits: { queued: 6, perKey: 4, bodyBytes: 50_000 } });
    client = server.client();
  });
  afterAll(() => server?.close());

  it('says 429 with Retry-After where a key or the queue has too much', async () => {
    await server.stopWorker();
    const other = server.client(KEYS[1]);
    const made: OpenAI.Videos.Video[] = [];
    for (let k = 0; k < 4; k++) made.push(await client.videos.create({ prompt: 'x' }));
    const refused = async (call: Promise<unknown>, message: string) => {
      const error = await call.then(
        () => undefined,
        (one) => one,
      );
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error.message).toMatch(message);
      expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
    };
    await refused(client.videos.create({ prompt: 'x' }), 'this key has 4 videos');
    for (let k = 0; k < 2; k++) await other.videos.create({ prompt: 'x' });
    await refused(other.videos.create({ prompt: 'x' }), '6 videos are waiting');
    server.startWorker();
    for (const { id } of made) await ended(client, id);
    expect((await client.videos.create({ prompt: 'x' })).status).toBe('queued');
  });

  it('says 413 to a body that is too large', async () => {
    const error = await client.videos.create({ prompt: 'x'.repeat(60_000) }).catch((one) => one);
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  it('says 413 to a body without a length, too, in JSON and in a form', async () => {
    for (const type of ['application/json', 'multipart/form-data; boundary=x']) {
      let left = 100;
      const body = new ReadableStream({
        pull: (controller) => (left-- > 0 ? controller.enqueue(new Uint8Array(1000)) : controller.close()),
      });
      const headers = { authorization: `Bearer ${KEYS[0]}`, 'content-type': type };
      const more = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
      const response = await fetch(`${server.url}/v1/videos`, more);
      expect([type, response.status]).toEqual([type, 413]);
      expect(response.headers.get('connection')).toBe('close');
      expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    }
  });

  it('gives jobs back when a worker is asked to end, which does not count as an attempt', async () => {
    const { id } = await client.videos.create(more({ prompt: 'slow', steps: 30 }));
    for (let k = 0; k < 3; k++) {
      await until(() => server.engine.made.filter((job) => job.id === id).length === k + 1);
      await server.stopWorker();
      expect((await client.videos.retrieve(id)).status).toBe('queued');
      server.startWorker();
    }
    expect((await ended(client, id)).status).toBe('completed');
    expect(server.engine.made.filter((job) => job.id === id).map(({ attempt }) => attempt)).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it('makes jobs that go together in one batch, and the others after', async () => {
    await server.stopWorker();
    const made: OpenAI.Videos.Video[] = [];
    for (const size of ['16x16', '16x16', '16x16', '32x16'] as const)
      made.push(await client.videos.create(more({ prompt: 'x', size, steps: 5 })));
    const batches: number[] = [];
    const engine = fakeEngine();
    const { make } = engine;
    engine.make = (jobs, context) => {
      batches.push(jobs.length);
      return make(jobs, context);
    };
    server.startWorker({ engine, batch: 4 });
    for (const { id } of made) expect((await ended(client, id)).status).toBe('completed');
    expect(batches).toEqual([3, 1]);
  });

  it('leaves jobs that are too large for a worker to a larger one', async () => {
    await server.stopWorker();
    const large = await client.videos.create(more({ prompt: 'x', size: '64x64' }));
    const small = await client.videos.create(more({ prompt: 'x', size: '16x16' }));
    const engine = { ...fakeEngine() };
    Object.assign(engine, { cards: engine.cards.map((card) => ({ ...card, maxPixels: 4096 })) });
    server.startWorker({ engine });
    await ended(client, small.id);
    expect((await client.videos.retrieve(large.id)).status).toBe('queued');
    await server.stopWorker();
    server.startWorker();
    expect((await ended(client, large.id)).status).toBe('completed');
  });

  it('shows figures, and what it is ready for', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    for (const name of [
      'moviegen_videos{status="completed"}',
      'moviegen_workers{model="fake"}',
      'moviegen_videos_created_total{model="fake",kind="text"}',
      'route="/v1/videos/:id"',
      'process_resident_memory_bytes',
    ])
      expect(text).toContain(name);
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({
      status: 'ready',
      models: [{ id: 'fake' }, { id: 'plain' }],
    });
    const models = await client.models.list();
    expect(models.data[0]).toMatchObject({
      id: 'fake',
      object: 'model',
      size: '32x32',
      kinds: ['text', 'image', 'reference', 'edit', 'extend', 'upscale'],
    });
    expect((await client.models.retrieve('plain')).id).toBe('plain');
  });
});

describe('jobs and data', () => {
  it('a job whose worker dies twice fails with a reason, and does not come again', async () => {
    const server = await testServer({ leaseSeconds: 1 }, false);
    const client = server.client();
    const { id } = await client.videos.create({ prompt: 'x' });
    const wish = { worker: 'w', models: ['fake'], maxClass: 60, batch: 1 };
    for (const attempt of [1, 2]) {
      let claimed: Awaited<ReturnType<typeof server.leases.claim>> = [];
      await until(async () => {
        claimed = await server.leases.claim(wish);
        return claimed.length > 0;
      });
      expect(claimed[0]).toMatchObject({ id, attempt }); // and is never heard of again
    }
    const video = await ended(client, id);
    expect(video.error).toMatchObject({
      code: 'worker_died',
      message: expect.stringContaining('two workers have died'),
    });
    expect(await server.leases.claim(wish)).toEqual([]);
    await server.close();
  });

  it('a server that is killed takes its workers along, which is no fault of their jobs', async () => {
    const server = await testServer({}, false);
    const { id } = await server.client().videos.create({ prompt: 'x' });
    const wish = { worker: 'w', models: ['fake'], maxClass: 60, batch: 1 };
    const attempts: (number | undefined)[] = [];
    const { data } = server;
    await server.close(true);
    for (let restart = 0; restart < 6; restart++) {
      const again = await testServer({ data }, false);
      attempts.push((await again.leases.claim(wish))[0]?.attempt);
      if (restart === 5) expect((await again.client().videos.retrieve(id)).error?.code).toBe('worker_died');
      await again.close();
    }
    expect(attempts).toEqual([1, 1, 1, 1, 2, undefined]);
    await rm(data, { recursive: true });
  });

  it('a worker that was thought dead cannot finish what another has begun', async () => {
    const server = await testServer({ leaseSeconds: 1 }, false);
    const { id } = await server.client().videos.create({ prompt: 'x' });
    const wish = { worker: 'w', models: ['fake'], maxClass: 60, batch: 1 };
    const [first] = await server.leases.claim(wish);
    let second: typeof first;
    await until(async () => {
      [second] = await server.leases.claim(wish);
      return second !== undefined;
    });
    const files = { video: 'v', thumbnail: 't', spritesheet: 's' };
    expect(await server.leases.renew(first!)).toMatchObject({ lost: true });
    expect(await server.leases.finish(first!, files)).toBe(false);
    expect(await server.leases.finish(second!, files)).toBe(true);
    expect((await server.client().videos.retrieve(id)).status).toBe('completed');
    await server.close();
  });

  it('videos and waiting jobs outlive a server; too old ones go with their files', async () => {
    const data = await dataFolder();
    let server = await testServer({ data, limits: { keepSeconds: 3600 } });
    const done = await server.client().videos.create({ prompt: 'x' });
    await ended(server.client(), done.id);
    await server.stopWorker();
    const waiting = await server.client().videos.create({ prompt: 'x' });
    await server.close();
    server = await testServer({ data });
    expect((await server.client().videos.retrieve(done.id)).status).toBe('completed');
    expect((await ended(server.client(), waiting.id)).status).toBe('completed');
    await server.close();
    await rm(data, { recursive: true });
  });

  it('a full disk: no room for what a client sends, no room for the video; nothing half-written stays', async () => {
    const data = await dataFolder();
    const real = await folderStore(data);
    let full = true;
    const noRoom = async () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const openedStore: Store = { ...real, put: (...args) => (full ? noRoom() : real.put(...args)) };
    const server = await testServer({ data, openedStore });
    const client = server.client();
    const png = `data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==`;
    const error = await client.videos
      .create({ prompt: 'x', input_reference: { image_url: png } })
      .catch((one) => one);
    expect(error).toMatchObject({ status: 507, code: 'insufficient_storage' });
    const { id } = await client.videos.create({ prompt: 'x' });
    expect((await ended(client, id)).error).toMatchObject({ code: 'insufficient_storage' });
    expect(await readdir(join(data, 'scratch'))).toEqual([]);
    full = false;
    const next = await client.videos.create({ prompt: 'x' });
    expect((await ended(client, next.id)).status).toBe('completed');
    expect(await readdir(join(data, 'videos'))).toEqual([next.id]);
    await server.close();
    await rm(data, { recursive: true });
  });

  it('refuses a folder that is in use, and one of a newer version; a port that is taken', async () => {
    const server = await testServer({}, false);
    const begin = (data: string, port = 0) => startServer({ data, port, log: silent });
    await expect(begin(server.data)).rejects.toThrow('another process uses the data folder');
    const data = await dataFolder();
    await expect(begin(data, server.port)).rejects.toThrow(`port ${server.port} is taken`);
    await writeFile(join(data, 'version.json'), '{"version": 2}');
    await expect(begin(data)).rejects.toThrow('was written by a newer moviegen');
    await writeFile(join(data, 'version.json'), '{"version": 1}');
    const again = await begin(data); // what was refused has left nothing locked
    await again.close();
    await server.close();
    await rm(data, { recursive: true });
  });

  it('reads keys strictly', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'moviegen-keys-'));
    const file = join(folder, 'keys');
    const keys = async (text: string) => {
      await writeFile(file, text);
      return readKeys(file);
    };
    expect(await keys('# people\nkey-number-one\r\n\n  key-number-two\n')).toEqual([
      'key-number-one',
      'key-number-two',
    ]);
    await expect(keys('\n# nobody\n')).rejects.toThrow('holds no key');
    await expect(keys('short\n')).rejects.toThrow('key 1');
    await expect(readKeys(join(folder, 'none'))).rejects.toThrow('cannot read');
    expect(existsSync(file)).toBe(true);
    await rm(folder, { recursive: true });
  });
});
