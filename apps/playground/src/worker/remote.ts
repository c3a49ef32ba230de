// The job behind the button where a server computes (`?server=ADDRESS`): the same question, news and answer, over the video API
// of `moviegen serve`.

import {
  decodePng,
  decodeVideo,
  encodePng,
  encodeVideo,
  type Frames,
  type Job,
  jobNames,
  openVideo,
  type Video,
} from 'moviegen';
import type { Given, GivenJob } from '../given.ts';
import type { Abilities } from '../model.ts';
import { type ProblemCode, ProblemError } from '../problem.ts';
import type { GenerateNews, Made, ServerPlace } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import { enlarged } from './given.ts';

/** What is read of a video of the API. */
interface RemoteVideo {
  readonly id: string;
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed';
  readonly progress: number;
  readonly model: string;
  readonly error: { readonly message: string } | null;
}

/** Makes sure that the server answers. @returns what it calls its models */
export async function probeServer(server: ServerPlace): Promise<string> {
  const { data } = await json<{ data: { id: string }[] }>(server, 'models');
  return data.map(({ id }) => id).join(', ');
}

/** Where the API takes what is given, by the job; it has no others. */
const PLACES: Readonly<Partial<Record<GivenJob, readonly [path: string, field: string]>>> = {
  image: ['videos', 'input_reference'],
  reference: ['videos', 'characters[][id]'],
  upscale: ['videos/upscales', 'video'],
  edit: ['videos/edits', 'video'],
  extend: ['videos/extensions', 'video'],
};

/** What the server's first model can do, which is the one that it takes where none is named, of what this page asks for. */
export async function abilitiesOnServer(server: ServerPlace): Promise<Abilities> {
  const { data } = await json<{ data: { kinds?: readonly string[] }[] }>(server, 'models');
  const isJob = (kind: string): kind is Job => kind === 'text' || Object.hasOwn(PLACES, kind);
  const jobs = (data[0]?.kinds ?? []).filter(isJob);
  return { kind: new URL(server.address).host, jobs, tasks: [], named: jobNames(jobs) };
}

/** Has a server make a video; it is deleted there when it has come, or when it is not wanted any more. */
export async function generateOnServer(
  server: ServerPlace,
  settings: Settings,
  given: Given | undefined,
  tell: (news: GenerateNews, transfer?: Transferable[]) => void,
  signal: AbortSignal,
): Promise<Made> {
  const began = performance.now();
  const { prompt, seed, steps, guidance, width, height, frames } = settings;
  tell({ phase: 'fetch' });
  const [place, field] = (given && PLACES[given.job]) ?? ['videos'];
  if (given && (field === undefined || given.second))
    throw new ProblemError('wrong-input', 'the server cannot do this with what is given');
  const upscales = given?.job === 'upscale';
  const body = new FormData();
  const values = {
    seed,
    ...(prompt !== '' && { prompt }),
    ...(upscales ? { scale: given.scale } : { steps, guidance_scale: guidance }),
    ...(place === 'videos' && { size: `${width}x${height}` }),
    ...(place === 'videos' && { num_frames: frames }),
    ...(given?.job === 'extend' && { seconds: frames / (await rateOf(given)) }),
  };
  for (const [name, value] of Object.entries(values)) body.set(name, String(value));
  if (given?.job === 'reference') body.set(field!, await characterOf(server, given, signal));
  else if (given) body.set(field!, await fileOf(given.from), given.name);
  const created = await json<RemoteVideo>(server, place, { method: 'POST', body, signal });
  const path = `videos/${created.id}`;
  const progress = (video: RemoteVideo) =>
    upscales
      ? ({ phase: 'windows', done: video.progress / 100, total: 1 } as const)
      : ({ phase: 'sample', done: Math.round((video.progress * steps) / 100), total: steps } as const);
  try {
    let video = created;
    for await (const { event, data } of eventsOf(await ask(server, `${path}/events`, { signal }))) {
      if (event === 'preview') {
        const preview = previewOf(data as { b64_png: string; frames: number });
        tell({ ...progress(video), preview }, [preview.data.buffer]);
      } else if (event === 'video') {
        video = data as RemoteVideo;
        if (video.status === 'queued') tell({ phase: 'fetch', notice: 'Waits in the queue of the server.' });
        else tell({ ...progress(video), notice: '' });
      }
    }
    if (video.status !== 'completed')
      throw new ProblemError('server', video.error?.message ?? 'the video was deleted on the server');
    const sampled = performance.now();
    tell({ phase: 'decode' });
    const response = await ask(server, `${path}/content`, { signal });
    const made = await decodeVideo(new Uint8Array(await response.arrayBuffer()), { signal });
    const before = upscales && { before: await enlarged(given, made, signal) };
    const seconds = { sample: (sampled - began) / 1000, decode: (performance.now() - sampled) / 1000 };
    return {
      video: { ...made, ...before },
      notes: [],
      seconds,
      adapter: `${video.model} on ${new URL(server.address).host}`,
    };
  } finally {
    await ask(server, path, { method: 'DELETE' }).catch(() => {});
  }
}

/** Frames a second: what the API counts in seconds is in frames on the page. */
const rateOf = async ({ from, name }: Given): Promise<number> =>
  (from instanceof Blob ? await openVideo(from, { name }) : from).fps;

/** Characters that this page has made on servers, by the file; a server keeps them. */
const characters = new Map<string, string>();

/** The id of a picture as a character, which is sent once. */
async function characterOf(server: ServerPlace, { from, name }: Given, signal: AbortSignal): Promise<string> {
  const stamp = from instanceof File && [from.name, from.size, from.lastModified];
  const same = JSON.stringify([server, stamp || crypto.randomUUID()]);
  const known = characters.get(same);
  const isThere =
    known && (await ask(server, `videos/characters/${known}`, { signal }).catch(() => undefined));
  if (known && isThere) return known;
  const body = new FormData();
  body.set('name', name.slice(0, 200) || 'reference');
  body.set('video', await fileOf(from), name);
  const { id } = await json<{ id: string }>(server, 'videos/characters', { method: 'POST', body, signal });
  characters.set(same, id);
  return id;
}

/** What is given as a file: a result is written as one. */
async function fileOf(from: Blob | Video): Promise<Blob> {
  if (from instanceof Blob) return from;
  return new Blob([from.shape[0] === 1 ? encodePng(from) : await encodeVideo(from, { format: 'mp4' })]);
}

/** Frames that stand side by side in a PNG. */
function previewOf({ b64_png: png, frames }: { b64_png: string; frames: number }): Frames {
  const { data, shape } = decodePng(Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0)));
  const [, height, across] = shape;
  const row = (across / frames) * 3;
  const apart = new Uint8Array(data.length);
  for (let k = 0; k < frames; k++)
    for (let y = 0; y < height; y++) {
      const from = (y * frames + k) * row;
      apart.set(data.subarray(from, from + row), (k * height + y) * row);
    }
  return { data: apart, shape: [frames, height, across / frames, 3] };
}

async function json<T>(server: ServerPlace, path: string, init?: RequestInit): Promise<T> {
  return (await ask(server, path, init)).json();
}

/** @throws ProblemError with what the server says */
async function ask({ address, key }: ServerPlace, path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    const headers = { ...(key && { Authorization: `Bearer ${key}` }) };
    const url = new URL(`v1/${path}`, address.endsWith('/') ? address : `${address}/`);
    response = await fetch(url, { ...init, headers });
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new ProblemError('server', `${address} does not answer`, { cause });
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => undefined);
  const message = said?.error?.message ?? `the server answered ${response.status}`;
  const codes: Readonly<Record<number, ProblemCode>> = { 400: 'wrong-input', 401: 'key' };
  throw new ProblemError(codes[response.status] ?? 'server', message);
}

/** Server-sent events of an answer. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: unknown }> {
  let text = '';
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) };
    }
  }
}
