// An S3-compatible store, for several machines. An object appears once it is whole: that is S3's own promise.

import { openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from 'moviegen';
import { S3mini } from 's3mini';
import { isFull } from '../errors.ts';
import { pause } from '../pause.ts';
import { checkKey, type Store } from './store.ts';

/** Where a bucket is, and who asks. */
export interface S3Options {
  readonly bucket: string;
  /** What all keys begin with. */
  readonly prefix: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Reads `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME]`, and the rest from the variables that AWS's own programs read.
 * @throws InputError where a part is missing.
 */
export function s3Options(address: string, env: Readonly<Record<string, string | undefined>>): S3Options {
  const wrong = (what: string) =>
    new InputError(`store: ${what}: give s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME`);
  if (!URL.canParse(address)) throw wrong('this is not an address');
  const { protocol, hostname: bucket, pathname, searchParams, username, password } = new URL(address);
  if (protocol !== 's3:' || bucket === '') throw wrong('expected s3:// and the name of a bucket');
  if (username !== '' || password !== '') throw wrong('keys do not belong into the address');
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  if (accessKeyId === '' || secretAccessKey === '')
    throw new InputError('store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key of the bucket');
  const region = searchParams.get('region') ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
  const endpoint =
    searchParams.get('endpoint') ??
    env.AWS_ENDPOINT_URL_S3 ??
    env.AWS_ENDPOINT_URL ??
    `https://s3.${region}.amazonaws.com`;
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw wrong('endpoint is not an http address');
  const folder = pathname.replace(/^\/+|\/+$/g, '');
  const prefix = folder === '' ? '' : `${folder}/`;
  return { bucket, prefix, endpoint, region, accessKeyId, secretAccessKey };
}

/** Objects `PREFIX ID/NAME` of a bucket. */
export async function s3Store(options: S3Options): Promise<Store> {
  const { bucket, prefix, endpoint, region, accessKeyId, secretAccessKey } = options;
  const s3 = new S3mini({
    accessKeyId,
    secretAccessKey,
    region,
    endpoint: `${endpoint.replace(/\/+$/, '')}/${bucket}`,
    requestAbortTimeout: 120_000,
  });
  const scratch = await mkdtemp(join(tmpdir(), 'moviegen-'));
  const keyOf = (key: string) => `${prefix}${checkKey(key)}`;
  const type = (key: string) => (key.endsWith('.mp4') ? 'video/mp4' : 'application/octet-stream');
  return {
    scratch,
    async take(key, path) {
      const [name, file] = [keyOf(key), await openAsBlob(path)];
      await lasting(() => s3.putAnyObject(name, file, type(key)));
      await rm(path, { force: true });
    },
    async put(key, bytes) {
      const name = keyOf(key);
      await lasting(() => s3.putAnyObject(name, bytes, type(key)));
    },
    async copy(from, to) {
      const [source, target] = [keyOf(from), keyOf(to)];
      return lasting(() => s3.copyObject(source, target))
        .then(() => true, missing)
        .then(Boolean);
    },
    async get(key, range) {
      const response = await s3
        .getObjectRaw(keyOf(key), range === undefined, range?.start, range && range.end + 1)
        .catch(missing);
      if (response === undefined || response.body === null) return undefined;
      const size = Number(response.headers.get('content-length'));
      const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? size);
      return { body: response.body as ReadableStream<Uint8Array>, size, total };
    },
    async remove(id, which = () => true) {
      const folder = keyOf(`${id}/x.x`).slice(0, -'x.x'.length);
      const found = ((await s3.listObjects('/', folder)) ?? []).map(({ Key }) => Key);
      const keys = found.filter((key) => which(key.slice(folder.length)));
      if (keys.length > 0) await s3.deleteObjects(keys);
    },
    async *ids(olderThanSeconds) {
      const now = Date.now();
      let token: string | undefined;
      do {
        const page = await s3.listObjectsPaged('/', prefix, 1000, token);
        const old = (page?.objects ?? []).filter(
          ({ LastModified }) => now - new Date(LastModified).getTime() > olderThanSeconds * 1000,
        );
        yield [...new Set(old.map(({ Key }) => Key.slice(prefix.length).split('/')[0]!))];
        token = page?.nextContinuationToken;
      } while (token !== undefined);
    },
    async check() {
      if (!(await s3.bucketExists()))
        throw new Error(`there is no bucket ${bucket}, or this key may not read it`);
    },
  };
}

/** Tries again where the network or the store stumbles: a video is worth more than a second. */
async function lasting(work: () => Promise<unknown>): Promise<void> {
  for (let wait = 500; ; wait *= 2)
    try {
      await work();
      return;
    } catch (error) {
      const { status = 500 } = error as { status?: number };
      if (status < 500 || isFull(error) || wait > 4000) throw error;
      await pause(wait);
    }
}

function missing(error: { status?: number }): undefined {
  if (error.status === 404) return undefined;
  throw error;
}
