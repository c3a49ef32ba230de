import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { httpFolder, openCheckpoint, Safetensors, serialize } from '../src/index.ts';

// Large enough that the first request does not bring all of it.
const big = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
const bytes = serialize({
  big: { dtype: 'U8', shape: [big.length], data: big },
  small: { dtype: 'U8', shape: [2], data: new Uint8Array([4, 5]) },
});

type Answer = (
  range: [number, number] | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) => void;
let answer: Answer = () => {};
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(`${request.url} ${request.headers.range ?? 'all'}`);
  const found = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  answer(found ? [Number(found[1]), Number(found[2]) + 1] : undefined, request, response);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors`;

function send(response: ServerResponse, file: Uint8Array, [start, end]: [number, number], etag = '"1"') {
  const stop = Math.min(end, file.length);
  const headers = { 'Content-Range': `bytes ${start}-${stop - 1}/${file.length}`, ETag: etag };
  response.writeHead(206, headers).end(file.subarray(start, stop));
}
const ranges: Answer = (range, _, response) => send(response, bytes, range!);
const options = { retryDelay: 1 };

const open = (first: Answer, then: Answer = first) => {
  asked.length = 0;
  let requests = 0;
  answer = (range, request, response) => (requests++ === 0 ? first : then)(range, request, response);
  return Safetensors.open(url, options);
};

test('ranges: one request opens, one reads', async () => {
  const file = await open(ranges);
  expect(asked).toEqual(['/m.safetensors bytes=0-65535']);
  expect(file.label).toBe(url);
  expect(Buffer.compare(await file.read('big'), big)).toBe(0);
  expect([...(await file.read('small'))]).toEqual([4, 5]);
  expect(asked.length).toBe(3);
});

test('a server without ranges sends the file once, whole', async () => {
  const file = await open((_, __, response) => response.writeHead(200).end(bytes));
  expect(Buffer.compare(await file.read('big'), big)).toBe(0);
  expect([...(await file.read('small'))]).toEqual([4, 5]);
  expect(asked.length).toBe(1);
  const tooLarge = Safetensors.open(url, { maxWholeBytes: 1000 });
  await expect(tooLarge).rejects.toThrow('the server ignores byte ranges and the file is too large');
});

test('a transfer that breaks off is resumed where it stopped', async () => {
  let sent = 0;
  const file = await open(ranges, ([start, end] = [0, 0], _, response) => {
    if (sent++ > 1) return send(response, bytes, [start, end]);
    response.writeHead(206, {
      'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'Content-Length': end - start,
    });
    response.write(bytes.subarray(start, start + 50_000), () => setTimeout(() => response.destroy(), 20));
  });
  expect(Buffer.compare(await file.read('big'), big)).toBe(0);
  expect(asked.length).toBeGreaterThan(2);
});

test('failures that may pass are tried again, others are not', async () => {
  let busy = 2;
  await open((range, request, response) => {
    if (busy-- > 0) response.writeHead(503).end();
    else ranges(range, request, response);
  });
  expect(asked.length).toBe(3);
  await expect(open((_, __, response) => response.writeHead(503).end())).rejects.toThrow(
    'status 503 Service Unavailable: got 4 failures in a row',
  );
  await expect(open((_, __, response) => response.writeHead(403).end())).rejects.toThrow(
    `safetensors open ${url}: the server refuses: got status 403 Forbidden, expected status 206`,
  );
  expect(asked.length).toBe(1);
  await expect(open((_, __, response) => response.writeHead(404).end())).rejects.toThrow(
    'there is no such file',
  );
  await expect(Safetensors.open('http://127.0.0.1:1/x', { retries: 1, retryDelay: 1 })).rejects.toThrow(
    'the server cannot be reached',
  );
});

test('nodes of one server may differ in their ETag, where length and time of change agree', async () => {
  const then =
    (tag: string, changed: string, now: string): Answer =>
    (range, _, response) => {
      response.setHeader('Last-Modified', new Date(changed).toUTCString());
      response.setHeader('Date', new Date(now).toUTCString());
      send(response, bytes, range!, tag);
    };
  const [changed, now] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'];
  const file = await open(then('"1"', changed, now), then('"2"', changed, now));
  expect(Buffer.compare(await file.read('big'), big)).toBe(0);
  for (const [first, second] of [
    [then('"1"', changed, now), then('"2"', '2026-01-01T00:00:01Z', '2026-01-02T00:00:00Z')], // changed
    [then('"1"', changed, '2026-01-01T00:00:59Z'), then('"2"', changed, now)], // may have changed in that second
    [then('"1"', changed, now), (range, _, response) => send(response, bytes, range!, '"2"')], // does not say
  ] as [Answer, Answer][]) {
    const other = await open(first, second);
    await expect(other.read('big')).rejects.toThrow('got ETag "2", expected "1"');
  }
});

test('answers that do not fit are refused', async () => {
  const reading = async (then: Answer) => (await open(ranges, then)).read('big');
  await expect(
    reading(([start, end] = [0, 0], _, response) => send(response, bytes, [start + 1, end])),
  ).rejects.toThrow('the server sent another range');
  const changed = bytes.slice(0, -1);
  await expect(reading((range, _, response) => send(response, changed, range!))).rejects.toThrow(
    'the file has changed since it was opened: got 300,1',
  );
  await expect(reading((range, _, response) => send(response, bytes, range!, '"2"'))).rejects.toThrow(
    'the file has changed since it was opened: got ETag "2", expected "1"',
  );
  await expect(reading((_, __, response) => response.writeHead(200).end(bytes))).rejects.toThrow(
    'the server no longer answers byte ranges',
  );
  await expect(reading((_, __, response) => response.writeHead(206).end(bytes))).rejects.toThrow(
    'no usable Content-Range in the answer: got nothing',
  );
  const more: Answer = ([start, end] = [0, 0], _, response) =>
    response
      .writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` })
      .end(new Uint8Array(end - start + 1));
  await expect(reading(more)).rejects.toThrow('the server sent more than it announced');
});

test('an empty file', async () => {
  const empty: Answer = (_, __, response) => response.writeHead(416, { 'Content-Range': 'bytes */0' }).end();
  await expect(open(empty)).rejects.toThrow('the file is too short to hold a header length');
});

test('abort ends a read that hangs', async () => {
  const file = await open(ranges, () => {});
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await expect(file.read('big', { signal: controller.signal })).rejects.toThrow('abort');
});

test('a folder of a server: a name stays one segment of the path', async () => {
  asked.length = 0;
  answer = (range, request, response) => {
    if (request.url === '/a/model.safetensors') ranges(range, request, response);
    else response.writeHead(404).end();
  };
  const folder = httpFolder(new URL('/a', url), options);
  expect((await openCheckpoint(folder)).names()).toEqual(['big', 'small']);
  expect(await folder('../x?y#z.safetensors')).toBeUndefined();
  expect(asked.at(-1)).toContain('/a/..%2Fx%3Fy%23z.safetensors ');
});

test('the signal of a folder counts for a file that is opened without one', async () => {
  answer = ranges;
  const signal = AbortSignal.abort(new Error('enough'));
  const folder = httpFolder(new URL('.', url), { ...options, signal });
  await expect(folder('m.safetensors')).rejects.toThrow('enough');
});

const page: Answer = (_, __, response) => response.writeHead(200).end('<!doctype html><title>app</title>');
const secretOf = (error: unknown) =>
  JSON.stringify([String(error), error, (error as Error).cause, (error as Error).stack]);

test('a length that is not said, and ranges past the end that are refused, cost a whole file', async () => {
  const star: Answer = (range, _, response) =>
    range
      ? response
          .writeHead(206, { 'Content-Range': `bytes ${range[0]}-${range[1] - 1}/*` })
          .end(bytes.subarray(...range))
      : response.writeHead(200).end(bytes);
  expect([...(await (await open(star)).read('small'))]).toEqual([4, 5]);
  const strict: Answer = (range, _, response) =>
    range
      ? response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end()
      : response.writeHead(200).end(bytes);
  expect([...(await (await open(strict)).read('small'))]).toEqual([4, 5]);
});

test.each<[string, Answer]>([
  ['forbids', (_, __, response) => response.writeHead(403).end()],
  ['answers with a web page for', page],
])('a server that %s what it does not have', async (_, absent) => {
  answer = (range, request, response) =>
    request.url!.endsWith('/diffusion_pytorch_model.safetensors')
      ? ranges(range, request, response)
      : absent(range, request, response);
  expect((await openCheckpoint(httpFolder(new URL('/a', url), options))).names()).toEqual(['big', 'small']);
  answer = absent;
  await expect(openCheckpoint(httpFolder(new URL('/a', url), options))).rejects.toThrow(
    /status 403 Forbidden.*wants credentials.*HF_TOKEN|web page/,
  );
});

test('a name and password in an address become a header; no error shows them', async () => {
  const wants = `Basic ${btoa('me:p w')}`;
  const basic: Answer = (range, request, response) =>
    request.headers.authorization === wants
      ? ranges(range, request, response)
      : response.writeHead(401).end();
  answer = basic;
  const file = await Safetensors.open(url.replace('//', '//me:p%20w@'), options);
  expect(file.label).toBe(url);
  const wrong = await Safetensors.open(`${url.replace('//', '//me:4711@')}?sig=4711`, options).catch(
    (e) => e,
  );
  expect(wrong.message).toMatch(/status 401 Unauthorized.*other credentials than those given/);
  expect(secretOf(wrong)).not.toContain('4711');
  for (const source of ['http://me:4711@[bad', 'http://me:4711@host:99999/?sig=4711'])
    expect(secretOf(await Safetensors.open(source).catch((e) => e))).not.toContain('4711');
  const telling = (async (given: URL) => {
    throw new TypeError(`cannot fetch ${given.href}`, { cause: new Error(`Bearer 4711 to ${given.href}`) });
  }) as unknown as typeof fetch;
  const headers = { Authorization: 'Bearer 4711' };
  const failed = await Safetensors.open(`${url}?sig=4711`, { fetch: telling, headers, retries: 0 }).catch(
    (e) => e,
  );
  expect(failed.message).toContain('the server cannot be reached');
  expect(secretOf(failed)).not.toContain('4711');
  const broken = await Safetensors.open(url, { headers: { 'X-Key': 'a\n4711' } }).catch((e) => e);
  expect(broken.message).toContain('the header "X-Key" cannot be sent');
  expect(secretOf(broken)).not.toContain('4711');
});

test('headers go to the own host alone, not to where it redirects', async () => {
  const got: unknown[] = [];
  const other = createServer((request, response) => {
    got.push([request.headers['x-key'], request.headers.authorization]);
    const [start, end] = /(\d+)-(\d+)/.exec(request.headers.range!)!.slice(1).map(Number) as [number, number];
    send(response, bytes, [start, end + 1]);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const away = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
  answer = (_, request, response) => {
    const next = request.url!.endsWith('?hop') ? away : '/m.safetensors?hop';
    expect(request.headers['x-key']).toBe('secret');
    response.writeHead(302, { location: next }).end();
  };
  const headers = { 'X-Key': 'secret', Authorization: 'Bearer secret' };
  const file = await Safetensors.open(url, { ...options, headers });
  expect([...(await file.read('small'))]).toEqual([4, 5]);
  expect(got).toEqual(got.map(() => [undefined, undefined]));
  other.closeAllConnections();
  other.close();
});
