// `GET /v1/videos/{id}/content`: a video's files, whole or in part.

import { ApiError } from '../errors.ts';
import type { ByteRange } from '../store/store.ts';
import { queryOf } from './body.ts';
import { type Ask, completedVideo, type Services } from './context.ts';

/** The route. */
export async function content(services: Services, c: Ask): Promise<Response> {
  const { variant = 'video' } = queryOf(c.req, services.schemas.content);
  const row = await completedVideo(services, c.var.owner, c.req.param('id')!);
  const key = row.files![variant];
  const asked = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(c.req.header('range') ?? '');
  let range: ByteRange | undefined;
  if (asked !== null) {
    const whole = await services.store.get(key);
    await whole?.body.cancel();
    const end = Math.min(asked[2] ? Number(asked[2]) : Number.POSITIVE_INFINITY, (whole?.total ?? 0) - 1);
    const start = Number(asked[1]);
    if (whole !== undefined && start > end)
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${whole.total}` } });
    range = { start, end };
  }
  const file = await services.store.get(key, range);
  if (file === undefined)
    throw new ApiError(404, 'content_gone', 'the files of this video are no longer there: create it again');
  const headers: Record<string, string> = {
    'content-type': variant === 'video' ? 'video/mp4' : 'image/png',
    'content-length': String(file.size),
    'content-disposition': `attachment; filename="${row.id}.${variant === 'video' ? 'mp4' : 'png'}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=3600',
    'x-content-type-options': 'nosniff',
  };
  if (range !== undefined) headers['content-range'] = `bytes ${range.start}-${range.end}/${file.total}`;
  if (c.req.method === 'HEAD') await file.body.cancel();
  const body = c.req.method === 'HEAD' ? null : (file.body as BodyInit);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}
