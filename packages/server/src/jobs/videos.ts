// The clients' side of the jobs: creating videos, looking at them, deleting them. A client sees what has its owner's name, and
// nothing else.

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ApiError } from '../errors.ts';
import type { ModelCard } from '../models.ts';
import { sizeClass } from '../models.ts';
import type { Database, Query } from './database.ts';
import type { Queue } from './queue.ts';
import { type CharacterRow, COLUMNS, type JobRequest, type Media, type VideoRow } from './rows.ts';

/** A video to create. */
export interface NewVideo {
  readonly id: string;
  readonly owner: string;
  readonly model: string;
  readonly request: JobRequest;
  /** A client's `Idempotency-Key`. */
  readonly idempotency?: string | undefined;
  /** What the client sent, to tell a repeated request from another one with the same key. */
  readonly fingerprint: string;
}

/** What a list holds. */
export interface ListQuery {
  readonly after?: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

/** Bounds of the queue. */
export interface QueueLimits {
  /** Jobs that wait, of all keys together. */
  readonly queued: number;
  /** Jobs per key that wait or run. */
  readonly perKey: number;
}

/** Every id that this server gives, and nothing else. */
export const ID = /^(video|char)_[0-9a-f]{32}$/;
/** A new id. */
export const newId = (kind: 'video' | 'char'): string => `${kind}_${randomBytes(16).toString('hex')}`;
/** What is kept of a text that a client chose. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Videos in a database. */
export class Videos {
  readonly #database: Database;
  readonly #queue: Queue;
  /** About how many jobs wait, and when they were counted. */
  #waiting = { count: 0, at: 0 };

  constructor(database: Database, queue: Queue) {
    this.#database = database;
    this.#queue = queue;
  }

  /**
   * Creates a video and its job, or finds the one that the same idempotency key has created.
   * @throws ApiError 422 where the key came with other values, 429 where there are too many jobs.
   */
  async create(
    video: NewVideo,
    limits: QueueLimits,
  ): Promise<{ readonly row: VideoRow; readonly isNew: boolean }> {
    const { id, owner, model, request, fingerprint } = video;
    const pixels = request.width * request.height * request.totalFrames;
    const size = sizeClass(pixels);
    const queue = `${model}.${size}`;
    const idempotency = video.idempotency === undefined ? null : digest(video.idempotency);
    const earlier = await this.#repeated(this.#database.query, owner, idempotency, fingerprint);
    if (earlier !== undefined) return { row: earlier, isNew: false };
    await this.#checkRoom(limits);
    await this.#queue.ensure(this.#database, queue);
    const created = await this.#database.transaction(async (query) => {
      const [open] = await query<{ count: number }>(
        `select count(*)::int as count from (select 1 from moviegen.videos
           where owner = $1 and status in ('queued', 'in_progress') limit $2) as found`,
        [owner, limits.perKey],
      );
      if (open!.count >= limits.perKey)
        throw tooMany(
          `this key has ${limits.perKey} videos that wait or are being made: wait for one to end`,
        );
      const job = randomUUID();
      const [row] = await query<VideoRow & Record<string, unknown>>(
        `insert into moviegen.videos (id, owner, job, queue, model, size_class, request, idempotency, fingerprint)
         values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)
         on conflict (owner, idempotency) where idempotency is not null do nothing returning ${COLUMNS}`,
        [id, owner, job, queue, model, size, JSON.stringify(request), idempotency, fingerprint],
      );
      if (row !== undefined) await this.#queue.send(query, queue, job, id);
      return row;
    });
    if (created !== undefined) {
      this.#waiting.count++;
      return { row: created, isNew: true };
    }
    const other = await this.#repeated(this.#database.query, owner, idempotency, fingerprint);
    if (other === undefined)
      throw new ApiError(
        409,
        'conflict',
        'the video of this Idempotency-Key was deleted meanwhile: try again',
      );
    return { row: other, isNew: false };
  }

  /** The video of an owner. A text that is no id of ours does not reach the database, here and below. */
  async get(owner: string, id: string): Promise<VideoRow | undefined> {
    if (!ID.test(id)) return undefined;
    const [row] = await this.#database.query<VideoRow & Record<string, unknown>>(
      `select ${COLUMNS} from moviegen.videos where id = $1 and owner = $2`,
      [id, owner],
    );
    return row;
  }

  /** Videos of an owner by their time of creation. @returns undefined where `after` is no video of the owner's. */
  async list(owner: string, { after, limit, order }: ListQuery): Promise<VideoRow[] | undefined> {
    let from: unknown = null;
    if (after !== undefined) {
      if (!ID.test(after)) return undefined;
      const [cursor] = await this.#database.query<{ seq: unknown }>(
        'select seq from moviegen.videos where id = $1 and owner = $2',
        [after, owner],
      );
      if (cursor === undefined) return undefined;
      from = cursor.seq;
    }
    return this.#database.query<VideoRow & Record<string, unknown>>(
      `select ${COLUMNS} from moviegen.videos where owner = $1 and ($2::bigint is null or seq ${order === 'asc' ? '>' : '<'} $2)
       order by seq ${order} limit $3`,
      [owner, from, limit],
    );
  }

  /** Deletes a video and its job, whatever their state: a worker that makes it notices. @returns whether it was there. */
  async remove(owner: string, id: string): Promise<boolean> {
    return this.#database.transaction(async (query) => {
      const [row] = await query<{ queue: string; job: string }>(
        'delete from moviegen.videos where id = $1 and owner = $2 returning queue, job',
        [id, owner],
      );
      if (row !== undefined) await this.#queue.remove(query, row.queue, row.job);
      return row !== undefined;
    });
  }

  /** Notes that somebody looks at the previews of a video. */
  async watch(id: string): Promise<void> {
    await this.#database.query('update moviegen.videos set watched = now() where id = $1', [id]);
  }

  /** The models that workers have announced within the last hour, by name. */
  async models(): Promise<{ readonly card: ModelCard; readonly created: Date; readonly workers: number }[]> {
    const rows = await this.#database.query<{ card: ModelCard; seen: Date; live: boolean }>(
      `select card, seen, seen > now() - interval '60 seconds' as live from moviegen.models
       where seen > now() - interval '1 hour' order by name, seen desc`,
    );
    const models = new Map<string, { card: ModelCard; created: Date; workers: number }>();
    for (const { card, seen, live } of rows) {
      const known = models.get(card.name) ?? { card, created: seen, workers: 0 };
      const most = Math.max(known.card.maxPixels ?? Infinity, card.maxPixels ?? Infinity);
      const maxPixels = most === Infinity ? undefined : most;
      models.set(card.name, {
        ...known,
        card: { ...known.card, maxPixels },
        workers: known.workers + Number(live),
      });
    }
    return [...models.values()];
  }

  /** How many videos are in each state. */
  async counts(): Promise<Record<string, number>> {
    const rows = await this.#database.query<{ status: string; count: number }>(
      'select status, count(*)::int as count from moviegen.videos group by status',
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  async createCharacter(owner: string, id: string, name: string, media: Media): Promise<CharacterRow> {
    const [row] = await this.#database.query<CharacterRow & Record<string, unknown>>(
      `insert into moviegen.characters (id, owner, name, media) values ($1, $2, $3, $4::jsonb)
       returning id, name, media, created`,
      [id, owner, name, JSON.stringify(media)],
    );
    return row!;
  }

  async character(owner: string, id: string): Promise<CharacterRow | undefined> {
    if (!ID.test(id)) return undefined;
    const [row] = await this.#database.query<CharacterRow & Record<string, unknown>>(
      'select id, name, media, created from moviegen.characters where id = $1 and owner = $2',
      [id, owner],
    );
    return row;
  }

  async #repeated(
    query: Query,
    owner: string,
    idempotency: string | null,
    fingerprint: string,
  ): Promise<VideoRow | undefined> {
    if (idempotency === null) return undefined;
    const [row] = await query<VideoRow & Record<string, unknown>>(
      `select ${COLUMNS} from moviegen.videos where owner = $1 and idempotency = $2`,
      [owner, idempotency],
    );
    if (row !== undefined && row.fingerprint !== fingerprint)
      throw new ApiError(
        422,
        'idempotency_key_reused',
        'Idempotency-Key: it came with other values before: give each new video a new key',
      );
    return row;
  }

  /** The count is a second old at most, and exact where the queue seems full. @throws ApiError 429 */
  async #checkRoom({ queued }: QueueLimits): Promise<void> {
    if (Date.now() - this.#waiting.at < 1000 && this.#waiting.count < queued) return;
    const [row] = await this.#database.query<{ count: number }>(
      `select count(*)::int as count from (select 1 from moviegen.videos where status = 'queued' limit $1) as found`,
      [queued],
    );
    this.#waiting = { count: row!.count, at: Date.now() };
    if (row!.count >= queued)
      throw tooMany(`${queued} videos are waiting, which is the most: try again later`);
  }
}

const tooMany = (message: string): ApiError =>
  new ApiError(429, 'rate_limit_exceeded', message, { retryAfter: 10 });
