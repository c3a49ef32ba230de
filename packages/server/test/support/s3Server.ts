// A small S3: objects in memory, and the signature of every request checked by the rules of AWS's Signature Version 4.

import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Server {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Requests as `METHOD path`. */
  readonly requests: string[];
  /** Answers so many requests with 503. */
  stumble: number;
  close(): void;
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether a request is signed with this secret. */
function isSigned(
  { method, headers }: IncomingMessage,
  { pathname, searchParams }: URL,
  secret: string,
): boolean {
  const [, scope, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (scope === undefined || !names!.split(';').includes('host')) return false;
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const lines = names!
    .split(';')
    .map((name) => `${name}:${String(headers[name]).trim()}\n`)
    .join('');
  const request = [method, pathname, query, lines, names, headers['x-amz-content-sha256']].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, digest].join('\n');
  const key = scope.split('/').reduce<string | Buffer>((before, part) => hmac(before, part), `AWS4${secret}`);
  return hmac(key, text).toString('hex') === signature;
}

/** Starts it. */
export async function s3Server(bucket: string, secret: string): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://x');
    const key = decodeURIComponent(url.pathname).slice(bucket.length + 2);
    const query = url.searchParams;
    requests.push(`${request.method} ${url.pathname}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const answer = (status: number, text: string | Buffer = '', headers: Record<string, string> = {}) =>
      void response
        .writeHead(status, { 'content-type': 'application/xml', 'content-length': text.length, ...headers })
        .end(text);
    const fail = (status: number, code: string) =>
      answer(status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
    if (!isSigned(request, url, secret)) return fail(403, 'SignatureDoesNotMatch');
    if (s3.stumble > 0) {
      s3.stumble--;
      return fail(503, 'SlowDown');
    }
    const source = request.headers['x-amz-copy-source'];
    const upload = query.get('uploadId');
    if (request.method === 'HEAD' && key === '') return answer(200);
    if (request.method === 'GET' && key === '') {
      const found = [...objects].filter(([name]) => name.startsWith(query.get('prefix') ?? ''));
      const listed = found.map(
        ([name, { length }]) =>
          `<Contents><Key>${name}</Key><LastModified>2020-01-01T00:00:00Z</LastModified><Size>${length}</Size><ETag>"x"</ETag></Contents>`,
      );
      return answer(
        200,
        `<ListBucketResult><IsTruncated>false</IsTruncated>${listed.join('')}</ListBucketResult>`,
      );
    }
    if (request.method === 'POST' && query.has('delete')) {
      const names = [...body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, name]) => name!);
      for (const name of names) objects.delete(name);
      return answer(
        200,
        `<DeleteResult>${names.map((name) => `<Deleted><Key>${name}</Key></Deleted>`).join('')}</DeleteResult>`,
      );
    }
    if (request.method === 'POST' && query.has('uploads')) {
      uploads.set('u1', new Map());
      return answer(
        200,
        `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (request.method === 'PUT' && upload !== null) {
      uploads.get(upload)!.set(Number(query.get('partNumber')), body);
      return answer(200, '', { etag: '"x"' });
    }
    if (request.method === 'POST' && upload !== null) {
      const whole = [...uploads.get(upload)!].sort(([a], [b]) => a - b).map(([, part]) => part);
      objects.set(key, Buffer.concat(whole));
      return answer(200, '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
    }
    if (request.method === 'PUT' && typeof source === 'string') {
      const from = objects.get(decodeURIComponent(source).slice(bucket.length + 2));
      if (from === undefined) return fail(404, 'NoSuchKey');
      objects.set(key, from);
      return answer(
        200,
        '<CopyObjectResult><ETag>"x"</ETag><LastModified>2020-01-01T00:00:00Z</LastModified></CopyObjectResult>',
      );
    }
    if (request.method === 'PUT') {
      objects.set(key, body);
      return answer(200, '', { etag: '"x"' });
    }
    const object = objects.get(key);
    if (object === undefined) return fail(404, 'NoSuchKey');
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (first === undefined) return answer(200, object);
    const part = object.subarray(Number(first), last ? Number(last) + 1 : undefined);
    return answer(206, part, {
      'content-range': `bytes ${first}-${Number(first) + part.length - 1}/${object.length}`,
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const s3: S3Server = {
    url: `http://127.0.0.1:${port}`,
    objects,
    requests,
    stumble: 0,
    close: () => void server.close(),
  };
  return s3;
}
