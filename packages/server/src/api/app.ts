// The HTTP surface: routes, and what every request goes through: who asks, how large it is, how errors are answered. A request
// with a wrong key is refused before its body is read.

import { randomBytes } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { routePath } from 'hono/route';
import { ApiError, isFull, Unavailable } from '../errors.ts';
import { newId } from '../jobs/videos.ts';
import { characterAnswer, modelAnswer, pageAnswer, videoAnswer } from './answers.ts';
import { bodyOf, queryOf } from './body.ts';
import { content } from './content.ts';
import { type Ask, type Env, type Services, videoNamed } from './context.ts';
import { create, edit, extend, remix, upscale } from './create.ts';
import { eventsRoute } from './events.ts';
import { characterOf } from './media.ts';
import { openApi } from './openapi.ts';
import { guardOrigins } from './origins.ts';

/** The application. @param hasKeys whether clients must send one */
export function apiOf(services: Services, hasKeys: boolean): Hono<Env> {
  const { authenticate, limits, log, metrics, store, videos } = services;
  const app = new Hono<Env>();
  const document = openApi(services.schemas, hasKeys);
  const answer = (error: unknown, c: Ask): Response => {
    const told = answerable(error);
    if (told.status === 500) log('internal error', { route: routePath(c), reason: reasonOf(error) });
    if (told.retryAfter !== undefined) c.header('retry-after', String(told.retryAfter));
    return c.json(told.body, told.status);
  };
  app.onError(answer);
  app.notFound((c) =>
    answer(new ApiError(404, 'unknown_url', 'there is nothing here: see /openapi.json'), c),
  );

  app.use(async (c, next) => {
    const began = performance.now();
    await next();
    const id = `req_${randomBytes(12).toString('hex')}`;
    c.header('x-request-id', id);
    const labels = { method: methodOf(c.req.method), route: routePath(c, -1), status: String(c.res.status) };
    const seconds = (performance.now() - began) / 1000;
    metrics.requests.observe(labels, seconds);
    c.header('x-content-type-options', 'nosniff');
    log('request', { id, ...labels, ms: Math.round(seconds * 1000) });
  });
  app.use(guardOrigins(services.origins, hasKeys));

  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const models = await videos.models();
    await store.check();
    if (models.length === 0)
      throw new ApiError(503, 'no_worker', 'no worker has come yet: start one', { retryAfter: 2 });
    return c.json({
      status: 'ready',
      models: models.map(({ card, workers }) => ({ id: card.name, workers })),
    });
  });
  app.get('/metrics', async (c) =>
    c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );
  app.get('/openapi.json', (c) => c.json(document));

  app.use('/v1/*', async (c, next) => {
    c.set('owner', authenticate(c.req.header('authorization')));
    await next();
  });
  const tooLarge = (c: Context) => {
    // Such a body is left half-read, and its connection ends: a client must not send its next request on it.
    if (c.req.header('content-length') === undefined) c.header('connection', 'close');
    throw new ApiError(
      413,
      'request_too_large',
      `the request has more than ${limits.bodyBytes} bytes: send a smaller file`,
    );
  };
  app.use('/v1/*', bodyLimit({ maxSize: limits.bodyBytes, onError: tooLarge }));

  app.get('/v1/models', async (c) => {
    const models = await videos.models();
    return c.json({ object: 'list', data: models.map(({ card, created }) => modelAnswer(card, created)) });
  });
  app.get('/v1/models/:name', async (c) => {
    const found = (await videos.models()).find(({ card }) => card.name === c.req.param('name'));
    if (found === undefined)
      throw new ApiError(404, 'model_not_found', 'there is no such model here: GET /v1/models lists them');
    return c.json(modelAnswer(found.card, found.created));
  });

  app.post('/v1/videos', (c) => create(services, c));
  app.post('/v1/videos/edits', (c) => edit(services, c));
  app.post('/v1/videos/extensions', (c) => extend(services, c));
  app.post('/v1/videos/upscales', (c) => upscale(services, c));
  app.post('/v1/videos/characters', async (c) => {
    const { name, video } = await bodyOf(c.req, services.schemas.character);
    const { bytes, extension } = await characterOf(video, services.media);
    const id = newId('char');
    const key = `${id}/reference.${extension}`;
    await store.put(key, bytes);
    return c.json(
      characterAnswer(await videos.createCharacter(c.var.owner, id, name, { key, role: 'reference' })),
    );
  });
  app.get('/v1/videos/characters/:id', async (c) => {
    const row = await videos.character(c.var.owner, c.req.param('id'));
    if (row === undefined)
      throw new ApiError(404, 'not_found', 'there is no such character', { param: 'character_id' });
    return c.json(characterAnswer(row));
  });
  app.get('/v1/videos', async (c) => {
    const { after, limit = 20, order = 'desc' } = queryOf(c.req, services.schemas.list);
    const rows = await videos.list(c.var.owner, { after, order, limit: limit + 1 });
    if (rows === undefined)
      throw new ApiError(404, 'not_found', 'after: there is no such video', { param: 'after' });
    return c.json(pageAnswer(rows.slice(0, limit).map(videoAnswer), rows.length > limit));
  });
  app.get('/v1/videos/:id', async (c) =>
    c.json(videoAnswer(await videoNamed(services, c.var.owner, c.req.param('id')))),
  );
  app.delete('/v1/videos/:id', async (c) => {
    const { id } = await videoNamed(services, c.var.owner, c.req.param('id'));
    await videos.remove(c.var.owner, id);
    await store.remove(id).catch(() => log('files stay until the clean-up', { id }));
    return c.json({ id, object: 'video.deleted', deleted: true });
  });
  app.get('/v1/videos/:id/content', (c) => content(services, c));
  app.get('/v1/videos/:id/events', eventsRoute(services));
  app.post('/v1/videos/:id/remix', (c) => remix(services, c));
  return app;
}

/** What a client is told of an error. */
function answerable(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const cause = (error as { cause?: unknown } | undefined)?.cause;
  if (cause instanceof ApiError) return cause;
  if (error instanceof Unavailable)
    return new ApiError(503, 'database_unavailable', 'the database is not there at the moment: try again', {
      retryAfter: 2,
    });
  if (isFull(error))
    return new ApiError(
      507,
      'insufficient_storage',
      'there is no room on this server: delete videos, or ask the operator',
    );
  return new ApiError(500, 'internal_error', 'something went wrong here: the operator finds it in the log');
}

const reasonOf = (error: unknown): unknown =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** Methods are a client's text, too. */
const methodOf = (method: string): string =>
  ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'].includes(method) ? method : 'OTHER';
