// An HTTP source: byte ranges of one address. Every answer is checked (206, Content-Range, length, the same file
// as before, by its length and its ETag or time), and a broken transfer is resumed. From a server without ranges the whole file is read once, into memory.

import { counted, messageOf, SafetensorsError, withoutSecrets } from './errors.ts';
import { type ByteSource, memorySource } from './source.ts';

/** How to send requests to a server. */
export interface HttpOptions {
  readonly signal?: AbortSignal;
  /**
   * Sent to the address's own host, and to no other one that it redirects to. A user's name and password in the address become an
   * `Authorization` header, unless there is one here.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Number of retries after a temporary failure (network, 408, 429, 5xx). The count restarts when bytes arrive. Default 3. */
  readonly retries?: number;
  /** Pause before the first retry, in milliseconds; it doubles each time. Default 250. */
  readonly retryDelay?: number;
  /** Largest file to hold in memory if the server ignores ranges. Default 2 GiB. */
  readonly maxWholeBytes?: number;
}

/** Bytes of the first request: most headers fit in it, so that opening a file takes one request. */
const FIRST_BYTES = 65_536;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 20;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Opens an address.
 * @returns the source, or undefined if the server answers 404 or 410
 * @throws SafetensorsError; the reason of the signal if aborted
 */
export async function httpSource(
  url: URL | string,
  options: HttpOptions = {},
): Promise<ByteSource | undefined> {
  const address = new URL(url);
  const label = `${address.protocol}//${address.host}${address.pathname}`;
  if (address.protocol !== 'http:' && address.protocol !== 'https:') {
    const got = address.protocol;
    throw new SafetensorsError({
      op: 'open',
      source: label,
      what: 'not a web address',
      got,
      expected: 'http: or https:',
    });
  }
  return new Http(address, label, options).open();
}

/**
 * The files of a folder on a server, for `openCheckpoint`: a name becomes one path segment under `url`. The query of
 * `url`, for example a signature, is sent with every request.
 */
export function httpFolder(url: URL | string, options: HttpOptions = {}) {
  const base = new URL(url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return (name: string, signal?: AbortSignal): Promise<ByteSource | undefined> => {
    const address = new URL(`./${encodeURIComponent(name)}`, base);
    address.search = base.search;
    return httpSource(address, signal ? { ...options, signal } : options);
  };
}

class Http {
  readonly #url: URL;
  readonly #headers: Headers;
  readonly #label: string;
  readonly #options: HttpOptions;
  #total = 0;
  #tag: string | undefined;
  #modified: string | undefined;
  #first: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(url: URL, label: string, options: HttpOptions) {
    this.#url = url;
    this.#label = label;
    this.#options = options;
    this.#headers = this.#given();
  }

  async open(): Promise<ByteSource | undefined> {
    return this.#trying(this.#options.signal, async () => {
      const response = await this.#request([0, FIRST_BYTES], this.#options.signal);
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return undefined;
      }
      if (response.status === 200) return this.#whole(response);
      if (response.status === 416) return this.#past(response);
      if (/^bytes (\*|\d+-\d+)\/\*$/.test(response.headers.get('content-range') ?? '')) {
        await response.body?.cancel(); // the length is not said: the whole file is read
        return this.#whole(await this.#request(undefined, this.#options.signal));
      }
      const range = this.#contentRange(response);
      if (range.start !== 0 || range.end !== Math.min(FIRST_BYTES, range.total)) {
        throw this.error(
          'the server sent another range',
          `bytes ${range.start} to ${range.end}`,
          'the first bytes',
        );
      }
      this.#total = range.total;
      this.#tag = strongTag(response);
      this.#modified = lastModified(response);
      const first = new Uint8Array(range.end);
      if ((await fill(response, first, 0, this)) !== first.length)
        throw new Passing('the transfer broke off');
      this.#first = first;
      return {
        label: this.#label,
        byteLength: this.#total,
        read: async (start, end, signal) => {
          const bytes = new Uint8Array(end - start);
          await this.#readInto(bytes, start, signal);
          return bytes;
        },
        readInto: (target, start, signal) => this.#readInto(target, start, signal),
        close: async () => {},
      };
    });
  }

  async #readInto(bytes: Uint8Array<ArrayBuffer>, start: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const end = start + bytes.length;
    if (end <= this.#first.length) return bytes.set(this.#first.subarray(start, end));
    let at = 0;
    while (at < bytes.length) {
      const from = at;
      at = await this.#trying(signal, async () => {
        const response = await this.#request([start + from, end], signal);
        const range = this.#contentRange(response);
        this.#checkSame(response, range.total);
        if (range.start !== start + from || range.end !== end) {
          const got = `bytes ${range.start} to ${range.end}`;
          throw this.error('the server sent another range', got, `${start + from} to ${end}`);
        }
        const filled = await fill(response, bytes, from, this);
        if (filled === from) throw new Passing('the transfer broke off');
        return filled;
      });
    }
  }

  /** Reads the whole file into memory, for a server that does not support ranges. */
  async #whole(response: Response): Promise<ByteSource> {
    const most = this.#options.maxWholeBytes ?? 2 ** 31;
    const parts: Uint8Array[] = [];
    let length = 0;
    const tooLarge = (got: number) =>
      this.error(
        'the server ignores byte ranges and the file is too large to hold in memory',
        `${counted(got)} bytes or more`,
        `at most ${counted(most)}: download it, or use a server that answers Range requests`,
      );
    const said = Number(response.headers.get('content-length') ?? 0);
    if (said > most) {
      await response.body?.cancel();
      throw tooLarge(said);
    }
    for await (const part of chunks(response)) {
      length += part.length;
      if (length > most) throw tooLarge(length);
      parts.push(part);
    }
    const encoded = response.headers.has('content-encoding');
    if (!encoded && said > 0 && said !== length) throw new Passing('the transfer broke off');
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return memorySource(bytes, this.#label);
  }

  /** A file shorter than the first range, of a server that refuses ranges past the end. */
  async #past(response: Response): Promise<ByteSource> {
    await response.body?.cancel();
    if (/^bytes \*\/0$/.test(response.headers.get('content-range') ?? '')) {
      return memorySource(new Uint8Array(0), this.#label);
    }
    const whole = await this.#request(undefined, this.#options.signal);
    if (whole.status === 200) return this.#whole(whole);
    throw this.error('the server refuses the range', 'status 416', 'status 206');
  }

  /** Headers of every request. @throws SafetensorsError without the value that is wrong, which may be a secret */
  #given(): Headers {
    const headers = new Headers();
    const { username, password } = this.#url;
    if (username !== '' || password !== '') {
      const bytes = new TextEncoder().encode(`${decoded(username)}:${decoded(password)}`);
      headers.set('Authorization', `Basic ${btoa(String.fromCharCode(...bytes))}`);
      [this.#url.username, this.#url.password] = ['', '']; // fetch refuses them in an address
    }
    for (const [name, value] of Object.entries(this.#options.headers ?? {})) {
      try {
        headers.set(name, value);
      } catch {
        throw this.error(
          `the header ${JSON.stringify(name)} cannot be sent`,
          undefined,
          'a name and a value of one line, in ASCII',
        );
      }
    }
    return headers;
  }

  /** Sends a request and follows redirects: what the caller's headers hold goes to the address's own host alone. */
  async #send(
    range: readonly [number, number] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const send = this.#options.fetch ?? fetch;
    const ranged = (headers: Headers) => {
      if (range) headers.set('Range', `bytes=${range[0]}-${range[1] - 1}`);
      return Object.fromEntries(headers);
    };
    const plain = { headers: ranged(new Headers()), signal: signal ?? null };
    if ([...this.#headers].length === 0) return send(this.#url, plain);
    const own = { ...plain, headers: ranged(new Headers(this.#headers)) };
    let url = this.#url;
    for (let hops = 0; hops < MOST_REDIRECTS; hops++) {
      const same = url.origin === this.#url.origin;
      const response = await send(url, { ...(same ? own : plain), redirect: same ? 'manual' : 'follow' });
      // A browser does not say where to: there it follows by itself, and takes `Authorization` out.
      if (response.type === 'opaqueredirect') return send(url, own);
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = new URL(location, url);
    }
    throw this.error('the server redirects in a circle', `${MOST_REDIRECTS} redirects`);
  }

  /** A text of the system's or of another library without what the request keeps secret. */
  #safe(text: string): string {
    const secrets = [...this.#headers.values(), this.#url.search, ...this.#url.searchParams.values()];
    const safe = secrets
      .flatMap((secret) => [secret, secret.replace(/^\w+ /, '')])
      .filter((secret) => secret.length > 3)
      .reduce((left, secret) => left.replaceAll(secret, '***'), text);
    return withoutSecrets(safe);
  }

  /** @param range first byte, and the one after the last; undefined for the whole file */
  async #request(range: readonly [number, number] | undefined, signal?: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await this.#send(range, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof SafetensorsError) throw cause;
      const inner = cause instanceof Error && cause.cause instanceof Error ? ` (${cause.cause.message})` : '';
      throw new Passing(`the server cannot be reached: ${this.#safe(messageOf(cause) + inner)}`);
    }
    if (range === undefined && response.status === 200) return response;
    if (response.status === 206 || (this.#total === 0 && [200, 404, 410, 416].includes(response.status)))
      return response;
    await response.body?.cancel();
    const got = `status ${response.status}${response.statusText ? ` ${response.statusText}` : ''}`;
    if (PASSING.has(response.status)) throw new Passing(got);
    if (response.status === 200)
      throw this.error('the server no longer answers byte ranges', got, 'status 206');
    const { status } = response;
    if (status !== 401 && status !== 403) throw this.error('the server refuses', got, 'status 206');
    const given = this.#headers.has('authorization') ? 'other credentials than those given' : 'credentials';
    const hint =
      `status 206; it wants ${given}: as headers (on the command line: --header 'Authorization: Bearer TOKEN'), ` +
      'or in HF_TOKEN for the hub';
    throw this.error('the server refuses', got, hint, status === 403);
  }

  #contentRange(response: Response): { start: number; end: number; total: number } {
    const text = response.headers.get('content-range') ?? '';
    const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text);
    if (!found) {
      const got = text ? JSON.stringify(text) : 'nothing (a page of another origin must expose it)';
      throw this.error('no usable Content-Range in the answer', got, '"bytes first-last/length"');
    }
    return { start: Number(found[1]), end: Number(found[2]) + 1, total: Number(found[3]) };
  }

  #checkSame(response: Response, total: number): void {
    if (total !== this.#total) {
      const got = `${counted(total)} bytes`;
      throw this.error('the file has changed since it was opened', got, counted(this.#total));
    }
    const tag = strongTag(response);
    if (tag !== this.#tag && tag !== undefined && this.#tag !== undefined) {
      const modified = lastModified(response);
      if (modified !== undefined && modified === this.#modified) return;
      throw this.error('the file has changed since it was opened', `ETag ${tag}`, this.#tag);
    }
  }

  async #trying<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const retries = this.#options.retries ?? 3;
    for (let tried = 0; ; tried++) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        if (tried >= retries) throw this.error(error.message, `${tried + 1} failures in a row`);
        await pause((this.#options.retryDelay ?? 250) * 2 ** tried, signal);
      }
    }
  }

  error(what: string, got?: string, expected?: string, absent = false): SafetensorsError {
    const op = this.#total === 0 ? 'open' : 'read';
    return new SafetensorsError({ op, source: this.#label, what, got, expected, absent });
  }
}

/** A part of an address as it was before it was encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A temporary failure: another try may succeed. */
class Passing extends Error {}

/** Copies a body into `bytes` from `at` on. @returns where it stopped: before the end of `bytes` if the transfer broke off */
async function fill(response: Response, bytes: Uint8Array, at: number, http: Http): Promise<number> {
  try {
    for await (const part of chunks(response)) {
      if (at + part.length > bytes.length) {
        throw http.error('the server sent more than it announced', undefined, `${bytes.length} bytes`);
      }
      bytes.set(part, at);
      at += part.length;
    }
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
  }
  return at;
}

async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw new Passing(messageOf(error));
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The ETag if it promises equal bytes; a weak one does not. */
function strongTag(response: Response): string | undefined {
  const tag = response.headers.get('etag');
  return tag && !tag.startsWith('W/') ? tag : undefined;
}

/**
 * When the file was last changed, where that tells files apart: an answer later by a minute or more, so that no second change can
 * have the same second (RFC 9110, 8.8.2.2). Nodes of one server may have different ETags for one file, made of inode numbers;
 * with this time and the length the same, it is taken for the same file.
 */
function lastModified({ headers }: Response): string | undefined {
  const modified = headers.get('last-modified');
  if (modified === null) return undefined;
  const age = Date.parse(headers.get('date') ?? '') - Date.parse(modified);
  return age >= 60_000 ? modified : undefined;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
