// Requests to the hub: the token goes to its own host alone, passing failures are tried again, a refusal becomes one line that says
// what to do. Not here: which requests (repository.ts, download.ts).

import { setTimeout as timer } from 'node:timers/promises';
import { CheckpointError } from '../../errors.ts';
import { refusal, unreachable, type Wanted } from './refusal.ts';
import { hubAddress, hubHeaders } from './settings.ts';

/** How to send requests. */
export interface RequestOptions {
  /** Sent to the hub's own host, beside the token. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** How often a passing failure is tried again. Default 3. */
  readonly retries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const MOST_REDIRECTS = 10;
/** Seconds that a server may ask for before a person has to be told. */
const LONGEST_WAIT = 120;

/**
 * Sends a GET request and follows redirects.
 * @returns an answer of status 200 to 299, or 416
 * @throws CheckpointError of one line; UnreachableError; the signal's reason
 */
export async function request(
  url: URL,
  wanted: Wanted,
  options: RequestOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const { retries = 3, signal } = options;
  for (let tried = 0; ; tried++) {
    signal?.throwIfAborted();
    const last = tried >= retries;
    let response: Response;
    try {
      response = await send(url, options, more);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof CheckpointError) throw cause;
      if (last) throw unreachable(wanted, cause);
      await pause(250 * 2 ** tried, signal);
      continue;
    }
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    const asked = waitOf(response);
    if (!PASSING.has(response.status) || last || (asked ?? 0) > LONGEST_WAIT)
      throw refusal(wanted, response, {
        tries: tried + 1,
        wait: asked,
        given: 'authorization' in ownHeaders(options.headers),
      });
    await pause(asked === undefined ? 250 * 2 ** tried : 1000 * asked, signal);
  }
}

/** Waits for some milliseconds. @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await timer(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
}

/** One try. The caller's headers and the token leave with the first host. */
async function send(
  url: URL,
  { headers, fetch: own = fetch, signal }: RequestOptions,
  more: Readonly<Record<string, string>>,
): Promise<Response> {
  const hub = hubAddress();
  let at = url;
  for (let hops = 0; hops < MOST_REDIRECTS; hops++) {
    const sent = at.origin === hub.origin ? { ...more, ...ownHeaders(headers) } : more;
    const response = await own(at, {
      headers: { 'accept-encoding': 'identity', ...sent },
      redirect: 'manual',
      signal: signal ?? null,
    });
    const location = response.headers.get('location');
    if (response.status < 301 || response.status > 308 || location === null) return response;
    await response.body?.cancel();
    at = new URL(location, at);
  }
  throw new CheckpointError(`hub: ${url.host} redirects in a circle`);
}

/** What goes to the hub alone, by names in small letters: the token, and the caller's headers, which may replace it. */
function ownHeaders(given: RequestOptions['headers']): Record<string, string> {
  const own = new Headers();
  try {
    for (const [name, value] of Object.entries(hubHeaders(hubAddress()))) own.set(name, value);
    for (const [name, value] of Object.entries(given ?? {})) own.set(name, value);
  } catch {
    // The text itself is not shown: it is a secret.
    throw new CheckpointError('hub: the token or a header cannot be sent: expected one line in ASCII');
  }
  return Object.fromEntries(own);
}

/** Seconds that a server asks to wait, by its Retry-After: a number or a date. */
function waitOf({ headers }: Response): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}
