// The requests that make a job: create, edits, extensions, remix. Files are stored under the new video's id before the job is,
// and go again where there will be no job.

import { ApiError, invalid } from '../errors.ts';
import type { Media, VideoRow } from '../jobs/rows.ts';
import { digest, newId } from '../jobs/videos.ts';
import type { Kind, ModelCard } from '../models.ts';
import { videoAnswer } from './answers.ts';
import { bodyOf } from './body.ts';
import { type Ask, cardsOf, completedVideo, type Services } from './context.ts';
import { characterOf, pictureOf, type Upload, videoOf } from './media.ts';
import { type Asked, checkKind, jobOf, modelNamed, type Source } from './order.ts';

/** A file of a job: a client's, or one that is in the store. */
type Input = { readonly role: Media['role'] } & ({ readonly upload: Upload } | { readonly from: string });

/** `POST /v1/videos` */
export async function create(services: Services, c: Ask): Promise<Response> {
  const body = await bodyOf(c.req, services.schemas.create);
  const card = modelNamed(await cardsOf(services), body.model);
  const inputs: Input[] = [];
  let kind: Kind = 'text';
  if (body.input_reference !== undefined) {
    kind = 'image';
    checkKind(card, kind, 'input_reference');
    inputs.push({ role: 'image', upload: await pictureOf(body.input_reference, services.media) });
  }
  if (body.characters !== undefined) {
    if (kind === 'image')
      throw invalid('characters', 'characters: give either characters or input_reference');
    kind = 'reference';
    checkKind(card, kind, 'characters');
    for (const { id } of body.characters) {
      const character = await services.videos.character(c.var.owner, id);
      if (character === undefined) throw invalid('characters', 'characters: there is no such character');
      inputs.push({ role: 'reference', from: character.media.key });
    }
  }
  return ordered(services, c, card, kind, body, inputs);
}

/** `POST /v1/videos/edits` */
export async function edit(services: Services, c: Ask): Promise<Response> {
  const body = await bodyOf(c.req, services.schemas.edit);
  if (body.num_frames !== undefined)
    throw invalid('num_frames', 'num_frames: an edited video keeps its frames');
  return changed(services, c, 'edit', body);
}

/** `POST /v1/videos/extensions` */
export async function extend(services: Services, c: Ask): Promise<Response> {
  return changed(services, c, 'extend', await bodyOf(c.req, services.schemas.extend));
}

/** `POST /v1/videos/upscales`: ours, as OpenAI's API has none. */
export async function upscale(services: Services, c: Ask): Promise<Response> {
  return changed(services, c, 'upscale', await bodyOf(c.req, services.schemas.upscale));
}

/** `POST /v1/videos/{id}/remix`: the same noise and options with another prompt. */
export async function remix(services: Services, c: Ask): Promise<Response> {
  const { prompt } = await bodyOf(c.req, services.schemas.remix);
  const row = await completedVideo(services, c.var.owner, c.req.param('id')!);
  const card = modelNamed(await cardsOf(services), row.model);
  const inputs = row.request.media.map(({ key, role }): Input => ({ role, from: key }));
  return stored(services, c, card, inputs, [prompt, row.id], (media) => ({
    ...row.request,
    prompt,
    media,
    remixedFrom: row.id,
  }));
}

async function changed(
  services: Services,
  c: Ask,
  kind: 'edit' | 'extend' | 'upscale',
  body: Asked & { readonly model?: string | undefined; readonly video: File | { readonly id: string } },
): Promise<Response> {
  const cards = await cardsOf(services);
  if (body.video instanceof File) {
    const card = modelNamed(cards, body.model);
    checkKind(card, kind, 'video');
    const read = kind === 'upscale' ? characterOf : videoOf; // a picture can be made larger, too
    const upload = await read(body.video, services.media);
    return ordered(services, c, card, kind, body, [{ role: 'video', upload }], upload);
  }
  const row = await completedVideo(services, c.var.owner, body.video.id);
  const card = modelNamed(cards, body.model ?? row.model);
  checkKind(card, kind, 'video');
  const { width, height, totalFrames: numFrames, fps } = row.request;
  const source = { width, height, numFrames, fps };
  return ordered(services, c, card, kind, body, [{ role: 'video', from: row.files!.video }], source);
}

function ordered(
  services: Services,
  c: Ask,
  card: ModelCard,
  kind: Kind,
  asked: Asked,
  inputs: readonly Input[],
  source?: Source,
): Promise<Response> {
  const parts = [card.name, kind, plain(asked), ...inputs.map(nameOf)];
  const make = (media: readonly Media[]) => jobOf(card, kind, asked, media, services.limits, source);
  make([]); // what is wrong is answered before anything is stored
  return stored(services, c, card, inputs, parts, make);
}

/** Stores the files of a job, then the job. */
async function stored(
  { videos, store, limits, metrics }: Services,
  c: Ask,
  card: ModelCard,
  inputs: readonly Input[],
  fingerprint: readonly unknown[],
  make: (media: readonly Media[]) => VideoRow['request'],
): Promise<Response> {
  const idempotency = c.req.header('idempotency-key');
  if (idempotency !== undefined && !/^[\x20-\x7e]{1,255}$/.test(idempotency))
    throw invalid(null, 'Idempotency-Key: must have 1 to 255 letters of ASCII');
  const id = newId('video');
  const media: Media[] = [];
  let isNew = false;
  try {
    for (const [k, input] of inputs.entries()) {
      const extension = 'upload' in input ? input.upload.extension : input.from.split('.').at(-1)!;
      const key = `${id}/input-${k}.${extension}`;
      media.push({ key, role: input.role });
      if ('upload' in input) await store.put(key, input.upload.bytes);
      else if (!(await store.copy(input.from, key)))
        throw new ApiError(
          404,
          'content_gone',
          'the files of that video are no longer there: create it again',
        );
    }
    const request = make(media);
    const created = await videos.create(
      {
        id,
        owner: c.var.owner,
        model: card.name,
        request,
        idempotency,
        fingerprint: digest(JSON.stringify(fingerprint)),
      },
      limits,
    );
    isNew = created.isNew;
    if (isNew) metrics.created.inc({ model: card.name, kind: request.kind });
    return c.json(videoAnswer(created.row));
  } finally {
    if (!isNew && inputs.length > 0) await store.remove(id).catch(() => {}); // the clean-up finds what stays
  }
}

/** What a client asked for, without its files. */
const plain = (asked: Asked): unknown =>
  Object.entries(asked)
    .filter(([name]) => !['video', 'input_reference', 'characters'].includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));

const nameOf = (input: Input): string =>
  'upload' in input ? digest(Buffer.from(input.upload.bytes).toString('latin1')) : input.from;
