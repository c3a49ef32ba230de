// Requests for a model's files: a failure becomes one line, and a token goes to the hub's own host alone.

import type { ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';

/** Sends a request. @param also statuses that are answers, too @throws ProblemError; the signal's reason */
export async function fetched(url: URL, init: RequestInit, also: readonly number[] = []): Promise<Response> {
  const response = await sent(url, init);
  if (response.ok || also.includes(response.status)) return response;
  await response.body?.cancel();
  throw new ProblemError('checkpoint-unreachable', `${nameOf(url)}: the server says ${response.status}`);
}

/** Sends a request with the token, where there is one and the address is the hub's; a browser takes it off where it is redirected to another host. */
export function authorized(url: URL, { hub, token }: ModelPlace, init: RequestInit): Promise<Response> {
  return sent(url, withToken(url, { hub, token }, init));
}

/** The same as options of a request. */
export function withToken(
  url: URL,
  { hub, token }: Pick<ModelPlace, 'hub' | 'token'>,
  init: RequestInit,
): RequestInit {
  if (token === undefined || url.origin !== new URL(hub).origin) return init;
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${token}`);
  return { ...init, headers };
}

async function sent(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new ProblemError('checkpoint-unreachable', `${nameOf(url)}: ${messageOf(cause)}`, { cause });
  }
}

/** An address in messages: of another origin with its host. */
const nameOf = ({ origin, host, pathname }: URL): string =>
  origin === location.origin ? pathname : host + pathname;

/** An error's own words. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
