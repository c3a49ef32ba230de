// Who asks: a key of the key file, or anyone where there is none. Keys are compared by their digests, every one of them each
// time, so that the time taken says nothing. A client's videos belong to the digest of its key.

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InputError } from 'moviegen';
import { ApiError } from '../errors.ts';

/** Finds the owner of a request by its `Authorization` header. @throws ApiError 401 */
export type Authenticate = (authorization: string | undefined) => string;

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** @param keys undefined where everyone may ask; they are all the same owner then. */
export function authentication(keys: readonly string[] | undefined): Authenticate {
  if (keys === undefined) return () => 'anyone';
  const digests = keys.map(digestOf);
  return (authorization) => {
    const [, key] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    const given = digestOf(key ?? '');
    let known = false;
    for (const digest of digests) known = timingSafeEqual(digest, given) || known;
    if (known && key !== undefined) return given.toString('hex');
    throw new ApiError(
      401,
      'invalid_api_key',
      key === undefined
        ? 'there is no API key: send the header Authorization: Bearer KEY'
        : 'this API key is not known here: ask the operator for one',
    );
  };
}

/** Reads keys from a file: one per line; empty lines and lines that begin with # do not count. @throws InputError */
export async function readKeys(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new InputError(`api-key-file: cannot read ${path}: ${cause.message}`, { cause });
  });
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw new InputError(`api-key-file: ${path} holds no key: write one per line`);
  const bad = keys.findIndex((key) => !/^[\x21-\x7e]{8,}$/.test(key));
  if (bad >= 0)
    throw new InputError(
      `api-key-file: key ${bad + 1} of ${path} must be at least 8 letters of ASCII without spaces`,
    );
  return keys;
}
