// What the routes share: who asks, what they need, and finding what a client names.

import type { Context } from 'hono';
import { ApiError } from '../errors.ts';
import type { VideoRow } from '../jobs/rows.ts';
import type { Videos } from '../jobs/videos.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { ModelCard } from '../models.ts';
import type { Store } from '../store/store.ts';
import type { Authenticate } from './auth.ts';
import type { Schemas } from './fields.ts';
import type { MediaRules } from './media.ts';

/** What a server gives its routes. */
export interface Services {
  readonly videos: Videos;
  readonly store: Store;
  readonly limits: Limits;
  readonly media: MediaRules;
  readonly authenticate: Authenticate;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly schemas: Schemas;
  /** Other origins whose pages may ask, beside this machine's own. */
  readonly origins: readonly string[];
}

/** What Hono knows of a request. */
export interface Env {
  Variables: { owner: string };
}
/** A request. */
export type Ask = Context<Env>;

/** The video of a client. @throws ApiError 404, for another client's just as for none */
export async function videoNamed({ videos }: Services, owner: string, id: string): Promise<VideoRow> {
  const row = await videos.get(owner, id);
  if (row !== undefined) return row;
  throw new ApiError(
    404,
    'not_found',
    'there is no such video: it was never made, was deleted, or is another key’s',
    {
      param: 'video_id',
    },
  );
}

/** A video that is done. @throws ApiError */
export async function completedVideo(services: Services, owner: string, id: string): Promise<VideoRow> {
  const row = await videoNamed(services, owner, id);
  if (row.status === 'completed') return row;
  throw new ApiError(
    409,
    'video_not_completed',
    row.status === 'failed'
      ? 'the video has failed: create it again'
      : 'the video is not done yet: ask again later',
    { param: 'video_id' },
  );
}

/** The models that workers have announced. */
export const cardsOf = async ({ videos }: Services): Promise<ModelCard[]> =>
  (await videos.models()).map(({ card }) => card);
