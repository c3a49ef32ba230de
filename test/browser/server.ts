// A plain web server for the tests: it serves folders under any sub-path, with byte ranges. It does not build or
// rewrite anything, so that a page gets the same as from any static host.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { afterAll } from 'vitest';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.mp4': 'video/mp4',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/** What is served under a path: a folder's files, or texts and bytes by path. */
export type Mount = string | Readonly<Record<string, string | Uint8Array>>;

/** A running server. */
export interface TestServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly origin: string;
  /** The requested paths, in order. */
  readonly requests: string[];
  /** Set this to answer some requests differently. It returns true if it has answered, or wants no answer. */
  intercept?: ((path: string, response: ServerResponse, request: IncomingMessage) => boolean) | undefined;
  close(): void;
}

/**
 * Serves folders, each under its path (`'/'`, `'/some/sub/path/'`), the longest path first. It stops after
 * the file's tests.
 */
export async function serve(mounts: Readonly<Record<string, Mount>>): Promise<TestServer> {
  const paths = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    requests.push(path);
    if (running.intercept?.(path, response, request)) return;
    const at = paths.find((prefix) => path.startsWith(prefix));
    const below = path.slice(at?.length ?? 0) || 'index.html';
    const mount = at === undefined ? {} : mounts[at]!;
    const name = below.endsWith('/') ? `${below}index.html` : below;
    if (typeof mount === 'string') void sendFile(mount, name, request.headers.range, response);
    else if (Object.hasOwn(mount, name)) response.writeHead(200, headersOf(name)).end(mount[name]);
    else notFound(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  afterAll(close);
  const running: TestServer = { origin: `http://127.0.0.1:${port}`, requests, close };
  return running;
}

async function sendFile(
  folder: string,
  name: string,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const file = normalize(join(folder, name));
  const found = file.startsWith(normalize(folder + sep))
    ? await stat(file).catch(() => undefined)
    : undefined;
  if (!found?.isFile()) return notFound(response);
  const { size, mtimeMs } = found;
  const headers = {
    ...headersOf(name),
    'accept-ranges': 'bytes',
    etag: `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`,
  };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined) {
    response.writeHead(200, { ...headers, 'content-length': size });
    createReadStream(file).pipe(response);
    return;
  }
  const [start, end] = [Number(first), Math.min(last ? Number(last) : size - 1, size - 1)];
  if (start > end) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  response.writeHead(206, {
    ...headers,
    'content-range': `bytes ${start}-${end}/${size}`,
    'content-length': end - start + 1,
  });
  createReadStream(file, { start, end }).pipe(response);
}

const headersOf = (name: string) => ({
  'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
  'cache-control': 'no-cache',
});

function notFound(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found');
}
