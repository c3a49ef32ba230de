// Safetensors in Chromium: a picked file, ranges over HTTP, broken transfers, unusual servers.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { openCheckpoint, type TensorSource } from '@moviegen/safetensors';
import { folder, openFile } from '@moviegen/safetensors/node';
import { afterEach, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openModule } from './remote.ts';

const root = fileURLToPath(new URL('../../models/shapes-world', import.meta.url));
const tae = `${root}/tae/model.safetensors`;
const broken = /ERR_(CONTENT_LENGTH_MISMATCH|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)|status of (404|503)/;
const { module, page, server } = await openModule<typeof import('./pages/files.ts')>(
  await launchChromium(),
  'files',
  { '/model/': root },
  { expected: [broken, /^another origin: GET https:\/\/huggingface\.co\/me\/model\/resolve\/v1\//] },
);
afterEach(() => {
  server.intercept = undefined;
});

test('a file that a person picks', async () => {
  await module.addInput();
  await page.locator('input').setInputFiles(tae);
  expect(await module.readPicked()).toEqual(await digests(await openFile(tae)));
});

test('shards of a folder over HTTP, by ranges', async () => {
  let largest = 0;
  server.intercept = (_, __, { headers }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    largest = Math.max(largest, Number(last) - Number(first) + 1);
    return false;
  };
  const expected = await digests(await openCheckpoint(folder(`${root}/transformer`)));
  expect(Object.keys(expected).length).toBeGreaterThan(50);
  expect(await module.readFolder('/model/transformer')).toEqual(expected);
  expect(largest).toBeLessThan(statSync(`${root}/transformer/model-00001-of-00002.safetensors`).size);
});

test('a model of the hub is read at its address there', async () => {
  await page.route('https://huggingface.co/**', async (route) => {
    const path = new URL(route.request().url()).pathname.replace('/me/model/resolve/v1', root);
    const headers = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Content-Range' };
    if (!existsSync(path)) return route.fulfill({ status: 404, headers });
    const bytes = readFileSync(path);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(route.request().headers().range ?? '') ?? [];
    const end = Math.min(Number(last) + 1, bytes.length);
    return route.fulfill({
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${first}-${end - 1}/${bytes.length}` },
      body: bytes.subarray(Number(first), end),
    });
  });
  expect(await module.readHub('me/model', 'tae', 'v1')).toEqual(await digests(await openFile(tae)));
});

test('a broken transfer is resumed where it stopped', async () => {
  const bytes = readFileSync(tae);
  let cuts = 0;
  server.intercept = (_, response, request) => {
    const [start, end] = rangeOf(request);
    if (start === 0 || end - start < 100_000 || cuts > 1) return false;
    cuts++;
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'content-length': end - start,
    });
    response.write(bytes.subarray(start, start + 50_000), () => setTimeout(() => response.destroy(), 50));
    return true;
  };
  expect(await module.readAddress('/model/tae/model.safetensors')).toEqual(
    await digests(await openFile(tae)),
  );
  expect(cuts).toBe(2);
});

test('a server without ranges, and a server that is busy for a while', async () => {
  let busy = 2;
  server.intercept = (_, response) => {
    if (busy-- > 0) response.writeHead(503).end();
    else response.writeHead(200).end(readFileSync(tae));
    return true;
  };
  expect(await module.readAddress('/model/tae/model.safetensors')).toEqual(
    await digests(await openFile(tae)),
  );
});

test('failures are reported', async () => {
  expect(await module.failureOf('/model/none.safetensors')).toContain('there is no such file');
  expect(await module.failureOf('/model/model_index.json')).toMatch(
    /^SafetensorsError: safetensors open http/,
  );
  server.intercept = (_, response, request) => changedLater(request, response);
  expect(await module.failureOf('/model/tae/model.safetensors')).toContain(
    'the file has changed since it was opened',
  );
});

/** Answers with a file whose tag changes after the first request. */
function changedLater(request: IncomingMessage, response: ServerResponse): boolean {
  const [start, end] = rangeOf(request);
  const bytes = readFileSync(tae).subarray(start, end);
  response.writeHead(206, {
    'content-range': `bytes ${start}-${start + bytes.length - 1}/${statSync(tae).size}`,
    etag: start === 0 ? '"one"' : '"another"',
  });
  response.end(bytes);
  return true;
}

function rangeOf({ headers }: IncomingMessage): [start: number, end: number] {
  const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  return [Number(first), Number(last) + 1];
}

async function digests(file: TensorSource): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of file.names()) {
    const hash = createHash('sha256').update(await file.read(name));
    found[name] = `${file.dtype(name)} [${file.shape(name).join(', ')}] ${hash.digest('hex')}`;
  }
  await file.close();
  return found;
}
