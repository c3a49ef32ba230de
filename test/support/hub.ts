// A server that behaves as the hub does: the API's listing, `resolve` with its headers and redirects to another host, tokens,
// errors by X-Error-Code. It serves models out of folders. What it does wrong is told by its `faults`.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A model that the server has. */
export interface Model {
  /** Its files lie in this folder. */
  readonly root: string;
  readonly commit: string;
  /** Names of the same commit, beside `main`. */
  readonly tags?: readonly string[];
  readonly access?: 'public' | 'private' | 'gated';
}

/** What goes wrong; a test changes it. */
export interface Faults {
  /** Ends a transfer from the second host after so many bytes, so many times. */
  breaks?: { after: number; times: number };
  /** Answers so many requests with 429. */
  limits?: { times: number; wait: string };
  /** The second host answers with 403, as when a signature has expired. */
  forbids?: boolean;
  /** Sends other bytes than it lists. */
  damages?: boolean;
}

/** A request that came. */
export interface Asked {
  readonly host: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly range: string | undefined;
}

/** The server, and its second host, to which large files are redirected. */
export interface FakeHub {
  readonly url: string;
  readonly asked: Asked[];
  readonly faults: Faults;
  close(): void;
}

/** The token that may read everything. */
export const TOKEN = 'hf_right';

/** Files of so many bytes or more are large: they are named by their SHA-256, and lie on the second host. */
const LARGE = 4096;

interface File {
  readonly path: string;
  readonly bytes: Buffer;
  readonly oid: string;
  readonly lfs: string | undefined;
}

/** Starts a hub with some models, by their id. */
export async function fakeHub(models: Readonly<Record<string, Model>>, port = 0): Promise<FakeHub> {
  const asked: Asked[] = [];
  const faults: Faults = {};
  const note = (host: Asked['host'], request: IncomingMessage): URL => {
    const url = new URL(request.url!, 'http://localhost');
    const { authorization: token, range } = request.headers;
    asked.push({ host, method: request.method!, path: url.pathname, token, range });
    return url;
  };
  const cdn = createServer((request, response) => {
    if (forPages(request, response)) return;
    const path = decodeURIComponent(note('cdn', request).pathname);
    if (faults.forbids) return response.writeHead(403).end();
    send(request, response, readFileSync(path), faults);
  });
  // Another name, since clients tell hosts by their names.
  const cdnUrl = (await listening(cdn, 0)).replace('127.0.0.1', 'localhost');
  const hub = createServer((request, response) => {
    if (forPages(request, response)) return;
    const url = note('hub', request);
    const fail = (status: number, code?: string, more: Record<string, string> = {}) => {
      const headers = { ...(code && { 'X-Error-Code': code }), ...more };
      response.writeHead(status, headers).end(JSON.stringify({ error: code ?? 'no' }));
    };
    if (faults.limits && faults.limits.times-- > 0)
      return fail(429, undefined, { 'Retry-After': faults.limits.wait });
    const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const isApi = parts[0] === 'api';
    const [org, name, verb, revision = '', ...below] = isApi ? parts.slice(2) : parts;
    const model = models[`${org}/${name}`];
    const mayRead = request.headers.authorization === `Bearer ${TOKEN}`;
    if (!mayRead && request.headers.authorization !== undefined) return fail(401);
    if (model === undefined || (model.access === 'private' && !mayRead))
      return fail(mayRead ? 404 : 401, 'RepoNotFound');
    if (!['main', 'HEAD', model.commit, ...(model.tags ?? [])].includes(revision))
      return fail(404, 'RevisionNotFound');
    if (isApi && verb === 'revision')
      return json(response, { _id: '1', id: `${org}/${name}`, sha: model.commit });
    if (isApi && verb === 'tree') return tree(response, url, model);
    if (model.access === 'gated' && !mayRead) return fail(401, 'GatedRepo');
    const file = filesOf(model.root).find(({ path }) => path === below.join('/'));
    if (file === undefined) return fail(404, 'EntryNotFound', { 'X-Repo-Commit': model.commit });
    response.setHeader('X-Repo-Commit', model.commit);
    response.setHeader('ETag', `"${file.oid}"`);
    if (file.lfs === undefined) return send(request, response, file.bytes, {});
    response.setHeader('X-Linked-ETag', `"${file.lfs}"`);
    response.setHeader('X-Linked-Size', String(file.bytes.length));
    response.writeHead(302, { Location: cdnUrl + encodeURI(join(model.root, file.path)) }).end();
  });
  const url = await listening(hub, port);
  const close = () => {
    for (const server of [hub, cdn]) {
      server.closeAllConnections();
      server.close();
    }
  };
  return { url, asked, faults, close };
}

/** Lets pages of all origins ask and read what the hub lets them read; whether that was all that was asked. */
function forPages({ method }: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader('Access-Control-Allow-Origin', '*');
  const read = [
    'Content-Range',
    'ETag',
    'Link',
    'X-Error-Code',
    'X-Repo-Commit',
    'X-Linked-ETag',
    'X-Linked-Size',
  ];
  response.setHeader('Access-Control-Expose-Headers', read.join(', '));
  if (method !== 'OPTIONS') return false;
  response.setHeader('Access-Control-Allow-Headers', 'authorization, range, accept, content-type');
  response.writeHead(204).end();
  return true;
}

async function listening(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));
}

/** A listing in pages of two, as the API gives long ones. */
function tree(response: ServerResponse, url: URL, { root }: Model): void {
  const first = Number(url.searchParams.get('cursor') ?? 0);
  const files = filesOf(root);
  const page = files.slice(first, first + 2).map(({ path, oid, lfs, bytes }) => ({
    type: 'file',
    path,
    oid,
    size: bytes.length,
    ...(lfs && { lfs: { oid: lfs, size: bytes.length, pointerSize: 130 } }),
  }));
  const next = new URL(url.pathname + url.search, `http://${response.req.headers.host}`);
  next.searchParams.set('cursor', String(first + 2));
  json(response, page, first + 2 < files.length ? { Link: `<${next}>; rel="next"` } : {});
}

function filesOf(root: string): File[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((full) => {
      const bytes = readFileSync(full);
      const sum = (kind: string, data: Uint8Array) => createHash(kind).update(data).digest('hex');
      const lfs = bytes.length >= LARGE ? sum('sha256', bytes) : undefined;
      const stored = lfs === undefined ? bytes : Buffer.from(`oid sha256:${lfs}`);
      const oid = sum('sha1', Buffer.concat([Buffer.from(`blob ${stored.length}\0`), stored]));
      return { path: full.slice(root.length + 1), bytes, oid, lfs };
    });
}

function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer, faults: Faults): void {
  const [, first = '0', last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const [start, end] = [Number(first), last ? Math.min(Number(last) + 1, bytes.length) : bytes.length];
  let body = bytes.subarray(start, end);
  if (faults.damages) body = Buffer.alloc(body.length);
  if (request.headers.range) {
    response.writeHead(206, {
      'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'Content-Length': body.length,
    });
  } else response.writeHead(200, { 'Content-Length': body.length });
  if (request.method === 'HEAD') response.end();
  else if (faults.breaks && faults.breaks.times > 0 && body.length > faults.breaks.after) {
    faults.breaks.times--;
    response.write(body.subarray(0, faults.breaks.after), () => setTimeout(() => response.destroy(), 20));
  } else response.end(body);
}
