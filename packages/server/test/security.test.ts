// What strangers try: other keys, other origins, names that bend to this machine, addresses of its network, odd bytes.

import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { encodePng } from 'moviegen';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublic } from '../src/api/fetchImage.ts';
import { KEYS, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let open: TestServer;
beforeAll(async () => {
  server = await testServer({ allowImageUrls: true }, false);
  open = await testServer({ keys: undefined, origins: ['https://friend.example'] }, false);
});
afterAll(async () => {
  await server?.close();
  await open?.close();
});

const ask = (to: TestServer, path: string, headers: Record<string, string> = {}, more: RequestInit = {}) =>
  fetch(`${to.url}${path}`, { headers, ...more });

describe('keys', () => {
  it('are needed for everything under /v1, and nothing else', async () => {
    for (const path of ['/v1/videos', '/v1/models', '/v1/videos/video_x', '/v1/nothing'])
      for (const headers of [
        {},
        { authorization: 'Bearer wrong-key-0001' },
        { authorization: `Basic ${KEYS[0]}` },
        { authorization: 'Bearer ' },
      ])
        expect((await ask(server, path, headers as Record<string, string>)).status).toBe(401);
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
      expect((await ask(server, path)).status).toBe(200);
    expect((await ask(server, '/v1/models', { authorization: `bearer ${KEYS[1]}` })).status).toBe(200);
  });

  it('are refused before a body is read', async () => {
    const answer = await new Promise<string>((done, fail) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write(
          'POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{',
        ),
      );
      socket.once('data', (bytes) => {
        socket.destroy();
        done(bytes.toString());
      });
      socket.once('error', fail);
    });
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
  });

  it('hide what belongs to others: the answer is the same as for what never was', async () => {
    const theirs = await server.client(KEYS[1]).videos.create({ prompt: 'secret' });
    const mine = { authorization: `Bearer ${KEYS[0]}` };
    const never = `video_${'0'.repeat(32)}`;
    for (const path of ['', '/content', '/events']) {
      const [a, b] = [
        await ask(server, `/v1/videos/${theirs.id}${path}`, mine),
        await ask(server, `/v1/videos/${never}${path}`, mine),
      ];
      expect([a.status, b.status]).toEqual([404, 404]);
      expect(await a.text()).toBe(await b.text());
    }
    expect((await server.client().videos.list()).data).toEqual([]);
    expect((await ask(server, `/v1/videos?after=${theirs.id}`, mine)).status).toBe(404);
  });
});

describe('pages', () => {
  it('of other origins are refused, of this machine and of named origins served', async () => {
    const post = (origin: string) => {
      const form = new FormData();
      form.set('prompt', 'x');
      return ask(open, '/v1/videos', { origin }, { method: 'POST', body: form });
    };
    expect((await post('https://evil.example')).status).toBe(403);
    expect((await post('null')).status).toBe(403);
    for (const origin of ['http://localhost:5173', 'https://friend.example']) {
      const response = await post(origin);
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    }
    const may = await ask(open, '/v1/videos', { origin: 'https://friend.example' }, { method: 'OPTIONS' });
    expect([may.status, may.headers.get('access-control-allow-headers')]).toEqual([
      204,
      expect.stringContaining('authorization'),
    ]);
  });

  it('of a foreign name that was bent to this machine are refused', async () => {
    const status = await new Promise((done) => {
      import('node:http').then(({ get }) =>
        get(
          { host: '127.0.0.1', port: open.port, path: '/v1/videos', headers: { host: 'evil.example' } },
          (response) => {
            response.resume();
            done(response.statusCode);
          },
        ),
      );
    });
    expect(status).toBe(403);
  });
});

describe('addresses of pictures', () => {
  it('are public or not', () => {
    for (const address of [
      ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
      ...[
        '224.0.0.1',
        '255.255.255.255',
        '::1',
        '::',
        'fe80::1',
        'fd00::1',
        '::ffff:127.0.0.1',
        '::ffff:8.8.8.8',
      ],
      ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:db8::1', 'ff02::1', 'localhost', ''],
    ])
      expect(isPublic(address), address).toBe(false);
    for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111'])
      expect(isPublic(address), address).toBe(true);
  });

  it('of this machine are never fetched, by number, by name or by redirect', async () => {
    let asked = 0;
    const inside = createServer((_, response) => {
      asked++;
      response.end(encodePng({ data: new Uint8Array(768), shape: [1, 16, 16, 3] }));
    });
    await new Promise<void>((done) => inside.listen(0, '127.0.0.1', done));
    const { port } = inside.address() as AddressInfo;
    const post = async (image_url: string, to = server) => {
      const headers = { authorization: `Bearer ${KEYS[0]}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ prompt: 'x', input_reference: { image_url } });
      const response = await ask(to, '/v1/videos', headers, { method: 'POST', body });
      return [response.status, ((await response.json()) as { error?: { code: string } }).error?.code];
    };
    for (const address of [
      `http://127.0.0.1:${port}/`,
      `http://localhost:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://2130706433:${port}/`,
      `http://0x7f.1:${port}/`,
      `http://a@127.0.0.1:${port}/`,
      'file:///etc/passwd',
      'ftp://example.com/a.png',
      'not an address',
    ])
      expect(await post(address), address).toEqual([400, 'invalid_image_url']);
    expect(asked).toBe(0);
    inside.close();
  });

  it('are fetched where they may be; a redirect is checked as the address was', async () => {
    const png = encodePng({ data: new Uint8Array(768), shape: [1, 16, 16, 3] });
    const outside = createServer((request, response) => {
      if (request.url === '/a.png') response.end(png);
      else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (request.url === '/big') response.end(Buffer.alloc(2_000_000));
      else
        response.writeHead(302, { location: request.url === '/in' ? 'http://127.0.0.2:1/' : '/a.png' }).end();
    });
    await new Promise<void>((done) => outside.listen(0, '127.0.0.1', done));
    const base = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
    const { fetchImage } = await import('../src/api/fetchImage.ts');
    const bounds = { maxBytes: 1_000_000, allows: (address: string) => address === '127.0.0.1' };
    expect(await fetchImage(`${base}/a.png`, bounds)).toEqual(new Uint8Array(png));
    expect(await fetchImage(`${base}/there`, bounds)).toEqual(new Uint8Array(png));
    await expect(fetchImage(`${base}/in`, bounds)).rejects.toThrow('not on the public internet');
    await expect(fetchImage(`${base}/loop`, bounds)).rejects.toThrow('too often');
    await expect(fetchImage(`${base}/big`, bounds)).rejects.toThrow('more than 1000000 bytes');
    outside.close();
  });
});

it('lets no text of a client into names of files or lines of the log', async () => {
  const odd = '../../etc/x;$(touch /tmp/y)`\n"evil"';
  const client = server.client();
  await client.videos.create({ prompt: odd }, { headers: { 'Idempotency-Key': '../../evil' } });
  await client.videos.createCharacter({
    name: odd,
    video: new File([encodePng({ data: new Uint8Array(768), shape: [1, 16, 16, 3] })], '../../evil.png'),
  });
  await ask(server, `/v1/videos/${encodeURIComponent(odd)}/content?variant=${encodeURIComponent(odd)}`, {
    authorization: `Bearer ${KEYS[0]}`,
    'x-evil': 'evil',
    'user-agent': 'evil',
  });
  const names = await readdir(server.data, { recursive: true });
  expect(names.filter((name) => name.includes('evil'))).toEqual([]);
  expect(server.lines.length).toBeGreaterThan(5);
  for (const line of server.lines) {
    expect(line).not.toMatch(/evil|etc|touch/);
    expect(line).not.toContain('\n');
  }
  const folders = await readdir(`${server.data}/videos`);
  for (const name of folders) expect(name).toMatch(/^(video|char)_[0-9a-f]{32}$/);
  expect(await readFile(`${server.data}/version.json`, 'utf8')).toContain('1');
});
