// Pages of other origins: a browser sends a form to any address, this machine's own included, so that a page that somebody
// visits could use a server that needs no key. Pages of this machine may ask, and origins that the operator names.

import type { MiddlewareHandler } from 'hono';
import { ApiError } from '../errors.ts';

const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Refuses other origins, and answers browsers that ask whether they may. @param hasKeys where there are none, the name that the client called this server by must be local or a number: a foreign name may have been bent to this machine */
export function guardOrigins(allowed: readonly string[], hasKeys: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = hostOf(`http://${c.req.header('host') ?? 'localhost'}`);
    if (!hasKeys && !(LOCAL.test(host) || /^[\d.]+$|^\[[\da-f:.]+\]$/i.test(host)))
      throw new ApiError(
        403,
        'host_not_allowed',
        'without keys, this server answers to its address only, not to a name',
      );
    const origin = c.req.header('origin');
    if (origin === undefined) return next();
    if (!(allowed.includes(origin) || allowed.includes('*') || LOCAL.test(hostOf(origin))))
      throw new ApiError(
        403,
        'origin_not_allowed',
        'pages of this origin may not ask: the operator names it with --allow-origin',
      );
    const headers: Record<string, string> = {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'content-disposition, retry-after',
      vary: 'origin',
    };
    if (c.req.method === 'OPTIONS')
      return new Response(null, {
        status: 204,
        headers: {
          ...headers,
          'access-control-allow-methods': 'GET, POST, DELETE',
          'access-control-allow-headers': 'authorization, content-type, idempotency-key, range',
          'access-control-max-age': '600',
        },
      });
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  };
}

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).hostname : '');
