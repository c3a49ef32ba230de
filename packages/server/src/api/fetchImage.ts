// Pictures at addresses that clients name, fetched only where the operator allows it, and never from this machine or its own
// network: the address is checked after its name is resolved, on the connection itself, and again at every redirect.

import { lookup } from 'node:dns';
import { request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { invalid } from '../errors.ts';

/** Addresses that are not on the public internet (IANA's special-purpose registries). */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv4');

/** Of IPv6, only global unicast is public, without its special parts: tunnels of IPv4, documentation, benchmarks. */
const PUBLIC_V6 = new BlockList();
PUBLIC_V6.addSubnet('2000::', 3, 'ipv6');
const SPECIAL_V6 = new BlockList();
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  SPECIAL_V6.addSubnet(net, prefix, 'ipv6');

/** Whether an address belongs to a machine on the public internet. */
export function isPublic(address: string): boolean {
  if (isIP(address) === 4) return !PRIVATE.check(address, 'ipv4');
  return isIP(address) === 6 && PUBLIC_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6');
}

/** What fetching is bounded by. */
export interface FetchBounds {
  readonly maxBytes: number;
  readonly timeoutMs?: number;
  /** For tests: which addresses may be reached. Default {@link isPublic}. */
  readonly allows?: (address: string) => boolean;
}

const REDIRECTS = 3;

/** The bytes at an address. @throws ApiError that says no more than the client may know */
export async function fetchImage(address: string, bounds: FetchBounds): Promise<Uint8Array<ArrayBuffer>> {
  const { timeoutMs = 15_000 } = bounds;
  const signal = AbortSignal.timeout(timeoutMs);
  let url = address;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await get(urlOf(url), bounds, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy();
      if (!URL.canParse(headers.location, url)) break;
      url = new URL(headers.location, url).href;
      continue;
    }
    if (statusCode === 200) return read(response, bounds.maxBytes);
    response.destroy();
    throw refused(`the server of the address answered ${statusCode}`);
  }
  throw refused('the address redirects too often');
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw refused('it must be an http or https address without a password, or a data: address');
  return url;
}

function get(url: URL, { allows = isPublic }: FetchBounds, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !allows(host)) throw notPublic();
  const resolve: LookupFunction = (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      const wrong = found.find(({ address }) => !allows(address));
      if (wrong !== undefined || found.length === 0) return callback(notPublic(), '', 0);
      if (options.all) callback(null, found);
      else callback(null, found[0]!.address, found[0]!.family);
    });
  };
  return new Promise((done, fail) => {
    const begin = url.protocol === 'https:' ? https : http;
    const headers = { accept: 'image/*', 'user-agent': 'moviegen' };
    const asked = begin(url, { lookup: resolve, signal, headers, agent: false }, done);
    asked.on('error', (error) =>
      fail(error.name === 'ApiError' ? error : refused('the address cannot be reached')),
    );
    asked.end();
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxBytes) throw refused(`the file has more than ${maxBytes} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw (error as Error).name === 'ApiError' ? error : refused('the file broke off');
  } finally {
    response.destroy();
  }
  return new Uint8Array(Buffer.concat(parts));
}

const refused = (why: string) =>
  invalid('input_reference', `input_reference.image_url: ${why}`, 'invalid_image_url');
const notPublic = () => refused('the address is not on the public internet');
