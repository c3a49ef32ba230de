// The HTTP surface under random requests: whatever comes, the answer is no 500, is JSON in the API's shape, and shows no stack;
// and the server answers the next request.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEYS, type TestServer, testServer } from './support/server.ts';

const runs = Number(process.env.MOVIEGEN_FUZZ ?? 200);
let server: TestServer;
beforeAll(async () => {
  server = await testServer({ limits: { perKey: 1e6, queued: 1e6, bodyBytes: 100_000 } }, false);
});
afterAll(() => server?.close());

const names = [
  'prompt',
  'model',
  'size',
  'seconds',
  'seed',
  'steps',
  'fps',
  'num_frames',
  'guidance_scale',
  'negative_prompt',
  'input_reference',
  'video',
  'name',
  'characters',
  'video[id]',
  'input_reference[image_url]',
  'characters[][id]',
  '__proto__',
  'constructor',
  'a[b',
  '',
];
const id = fc.oneof(
  fc.constant(`video_${'a'.repeat(32)}`),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constant('..'),
  fc.constant('%ff'),
);
const path = fc.oneof(
  fc.constantFrom(
    '/v1/videos',
    '/v1/videos/edits',
    '/v1/videos/upscales',
    '/v1/videos/extensions',
    '/v1/videos/characters/%00',
    '/v1/videos/characters',
    '/v1/models',
    '/',
    '/v1',
    '//v1/videos',
  ),
  id.map((one) => `/v1/videos/${encodeURIComponent(one.replace(/\p{Surrogate}/gu, ''))}`),
  fc
    .tuple(id, fc.constantFrom('content', 'remix', 'events', 'x'))
    .map(([one, what]) => `/v1/videos/${encodeURIComponent(one.replace(/\p{Surrogate}/gu, ''))}/${what}`),
  fc.webPath().map((one) => `/${one}`),
);
const query = fc.oneof(
  fc.constant(''),
  fc.webQueryParameters().map((text) => `?${text}`),
  fc.constantFrom(
    '?limit=-1',
    '?limit=x',
    '?after=%00',
    '?order=up',
    '?variant=%ff',
    '?after=a&after=b',
    '?__proto__=x',
  ),
);
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant('16x16'),
  fc.constant('1'),
);
const value = fc.oneof({ weight: 3, arbitrary: scalar }, fc.jsonValue({ maxDepth: 3 }));
const json = fc
  .dictionary(fc.constantFrom(...names), value)
  .map((body) => ({ type: 'application/json', body: JSON.stringify(body) }));
const form = fc
  .array(
    fc.tuple(
      fc.constantFrom(...names),
      fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.uint8Array({ maxLength: 200 })),
    ),
    { maxLength: 6 },
  )
  .map((fields) => {
    const body = new FormData();
    for (const [name, one] of fields)
      body.append(name, typeof one === 'string' ? one : new File([one as Uint8Array<ArrayBuffer>], 'x.png'));
    return { type: undefined, body };
  });
const raw = fc.record({
  type: fc.constantFrom(
    'application/json',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'text/plain',
    'application/x-www-form-urlencoded',
    '',
  ),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes as Uint8Array<ArrayBuffer>),
    fc.string({ maxLength: 200 }),
    fc.json(),
  ),
});
const header = fc.dictionary(
  fc.constantFrom(
    'range',
    'idempotency-key',
    'accept',
    'origin',
    'if-none-match',
    'content-encoding',
    'expect-not',
  ),
  fc.oneof(
    fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    fc.constantFrom('bytes=0-', 'bytes=5-1', 'null', 'http://localhost'),
  ),
);

it(`answers ${runs} random requests in the API’s shape`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'PATCH'),
      path,
      query,
      fc.oneof(json, form, raw),
      header,
      async (method, where, what, { type, body }, more) => {
        const headers: Record<string, string> = { ...more, authorization: `Bearer ${KEYS[0]}` };
        if (type) headers['content-type'] = type;
        for (const name of Object.keys(headers))
          headers[name] = headers[name]!.replace(/[^\x20-\x7e]/g, '').trim();
        const hasBody = !['GET', 'HEAD'].includes(method);
        const response = await fetch(`${server.url}${where}${what}`, {
          method,
          headers,
          redirect: 'manual',
          ...(hasBody && { body }),
        });
        if (response.headers.get('content-type')?.includes('event-stream'))
          return void (await response.body!.cancel());
        const text = await response.text();
        expect(
          response.status,
          `${text} ${response.status === 500 ? server.lines.filter((line) => line.includes('internal error')).at(-1) : ''}`,
        ).not.toBe(500);
        expect(text).not.toMatch(/\n\s+at |node_modules|\/src\/|\.ts:|postgres|PGlite/i);
        if (response.status < 400 || method === 'HEAD' || text === '') return;
        expect(JSON.parse(text).error).toEqual({
          message: expect.stringMatching(/\w+/),
          type: expect.any(String),
          param: expect.toSatisfy((one) => one === null || typeof one === 'string'),
          code: expect.any(String),
        });
      },
    ),
    { numRuns: runs },
  );
  expect(server.lines.filter((line) => line.includes('internal error'))).toEqual([]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

const option = fc.tuple(
  fc.constantFrom(...names.slice(2, 15)),
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.integer().map(String),
    fc.double().map(String),
    fc.constantFrom('1', '16x16', '0.0001', '9'.repeat(19)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => new File([bytes as Uint8Array<ArrayBuffer>], 'x.png')),
  ),
);

it(`answers ${runs} forms whose fields are almost right`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(option, { maxLength: 3 }), async (options) => {
      const body = new FormData();
      body.append('prompt', 'x');
      for (const [name, one] of options) body.append(name, one);
      const headers = { authorization: `Bearer ${KEYS[0]}` };
      const response = await fetch(`${server.url}/v1/videos`, { method: 'POST', body, headers });
      await response.text();
      const line = server.lines.findLast((one) => one.includes('internal error'));
      expect([response.status, line]).toEqual([
        expect.toSatisfy((status) => [200, 400, 403].includes(status)),
        undefined,
      ]);
    }),
    { numRuns: runs },
  );
});
