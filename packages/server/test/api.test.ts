// The API as OpenAI's own package uses it: every method of `client.videos`, every class of errors that it tells apart.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodePng, decodeVideo, encodePng } from 'moviegen';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../src/pause.ts';
import { ended, KEYS, type TestServer, testServer, until } from './support/server.ts';

let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  server = await testServer({ limits: { perKey: 20, work: 1e9 } });
  client = server.client();
});
afterAll(() => server?.close());

/** What `create` takes beside OpenAI's own fields. */
const more = (fields: object) => fields as OpenAI.Videos.VideoCreateParams;
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
const picture = (side = 16) =>
  toFile(encodePng({ data: new Uint8Array(side * side * 3), shape: [1, side, side, 3] }), 'a.png', {
    type: 'image/png',
  });
/** The error that a call ends with. */
const errorOf = async (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable('the call should fail'),
    (error: InstanceType<typeof OpenAI.APIError>) => error,
  );

describe('videos', () => {
  it('creates a video, with all fields of OpenAI’s answer, and makes it', async () => {
    const created = await client.videos.create({ prompt: 'a red circle' });
    expect(created).toMatchObject({
      object: 'video',
      model: 'fake',
      status: 'queued',
      progress: 0,
      prompt: 'a red circle',
      seconds: '1',
      size: '32x32',
      completed_at: null,
      error: null,
      expires_at: null,
      remixed_from_video_id: null,
    });
    expect(Math.abs(created.created_at - Date.now() / 1000)).toBeLessThan(10);
    const video = await ended(client, created.id);
    expect(video).toMatchObject({ id: created.id, status: 'completed', progress: 100 });
    expect(video.expires_at! - video.completed_at!).toBe(7 * 86_400);
  });

  it('makes what the fields say, given as numbers or as text', async () => {
    const fields = { prompt: 'x', model: 'plain', size: '48x16', seconds: '1.5', seed: 0x0000ff, steps: 2 };
    const created = await client.videos.create(
      more({ ...fields, fps: 8, guidance_scale: 1.5, negative_prompt: 'y' }),
    );
    expect(created).toMatchObject({
      size: '48x16',
      seconds: '1.5',
      num_frames: 12,
      fps: 8,
      seed: 255,
      steps: 2,
    });
    expect(created).toMatchObject({ guidance_scale: 1.5, negative_prompt: 'y', model: 'plain' });
    await ended(client, created.id);
    const file = await bytesOf(await client.videos.downloadContent(created.id));
    const { shape, fps, data } = await decodeVideo(file as Uint8Array<ArrayBuffer>);
    expect([shape, fps]).toEqual([[12, 16, 48, 3], 8]);
    expect(data[0]).toBeGreaterThan(220); // seed 0x0000ff is red
    expect(data[2]).toBeLessThan(40);
  });

  it('gives a thumbnail and a sheet of frames', async () => {
    const { id } = await client.videos.create({ prompt: 'x' });
    await ended(client, id);
    const thumbnail = await client.videos.downloadContent(id, { variant: 'thumbnail' });
    expect(thumbnail.headers.get('content-type')).toBe('image/png');
    expect(decodePng(await bytesOf(thumbnail)).shape).toEqual([1, 32, 32, 3]);
    const sheet = decodePng(
      await bytesOf(await client.videos.downloadContent(id, { variant: 'spritesheet' })),
    );
    expect(sheet.shape).toEqual([1, 32, 4 * 32, 3]);
  });

  it('gives a part of a file where a player asks for one', async () => {
    const { id } = await client.videos.create({ prompt: 'x' });
    await ended(client, id);
    const whole = await bytesOf(await client.videos.downloadContent(id));
    const part = await client.videos.downloadContent(id, {}, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${whole.length}`]);
    expect(await bytesOf(part)).toEqual(whole.subarray(10, 20));
    const beyond = client.videos.downloadContent(id, {}, { headers: { range: `bytes=${whole.length}-` } });
    expect((await errorOf(beyond)).status).toBe(416);
  });

  it('lists pages with cursors, in both orders', async () => {
    const other = server.client(KEYS[1]);
    const ids: string[] = [];
    for (let k = 0; k < 5; k++) ids.push((await other.videos.create({ prompt: `number ${k}` })).id);
    const seen: string[] = [];
    for await (const video of other.videos.list({ limit: 2, order: 'asc' })) seen.push(video.id);
    expect(seen).toEqual(ids);
    const page = await other.videos.list({ limit: 3 });
    expect(page.data.map(({ id }) => id)).toEqual([...ids].reverse().slice(0, 3));
    expect(page.hasNextPage()).toBe(true);
    expect((await page.getNextPage()).data.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
  });

  it('remixes: the same noise and options, another prompt', async () => {
    const first = await client.videos.create(more({ prompt: 'x', size: '16x16', steps: 3 }));
    await ended(client, first.id);
    const remixed = await client.videos.remix(first.id, { prompt: 'y' });
    const { seed } = first as unknown as { seed: number };
    expect(remixed).toMatchObject({
      prompt: 'y',
      remixed_from_video_id: first.id,
      size: '16x16',
      steps: 3,
      seed,
    });
    expect((await ended(client, remixed.id)).status).toBe('completed');
  });

  it('edits and extends a video of ours and one that is uploaded', async () => {
    const { id } = await client.videos.create({ prompt: 'x' });
    await ended(client, id);
    const edited = await client.videos.edit({ prompt: 'y', video: { id } });
    expect(edited).toMatchObject({ kind: 'edit', seconds: '1', size: '32x32' });
    const extended = await client.videos.extend({ prompt: 'z', video: { id }, seconds: '2' as never });
    expect(extended).toMatchObject({ kind: 'extend', seconds: '3' });
    const file = await bytesOf(await client.videos.downloadContent(id));
    const uploaded = await client.videos.edit({ prompt: 'y', video: await toFile(file, 'x.mp4') });
    for (const one of [edited, extended, uploaded])
      expect((await ended(client, one.id)).status).toBe('completed');
    const long = await bytesOf(await client.videos.downloadContent(extended.id));
    expect((await decodeVideo(long as Uint8Array<ArrayBuffer>)).shape[0]).toBe(12);
    expect(server.engine.read.filter((size) => size === file.length).length).toBe(3);
  });

  it('makes a video of ours, one that is uploaded, and a picture larger', async () => {
    const larger = (body: object) => client.post<OpenAI.Videos.Video>('/videos/upscales', { body });
    const { id } = await client.videos.create({ prompt: 'x' });
    await ended(client, id);
    const twice = await larger({ video: { id } });
    const defaults = { prompt: '', seconds: '1', steps: 3, guidance_scale: 1, num_frames: 4 };
    expect(twice).toMatchObject({ kind: 'upscale', size: '64x64', ...defaults });
    const sized = await larger({ video: { id }, size: '48x40', prompt: 'y', seed: 5, steps: 2 });
    expect(sized).toMatchObject({ size: '48x40', prompt: 'y', seed: 5, steps: 2 });
    const form = new FormData();
    form.set('video', await picture(18));
    form.set('scale', '1.5');
    const sent = await fetch(`${server.url}/v1/videos/upscales`, {
      method: 'POST',
      body: form,
      headers: { Authorization: `Bearer ${KEYS[0]}` },
    });
    const still = (await sent.json()) as OpenAI.Videos.Video;
    expect(still).toMatchObject({ size: '27x27', num_frames: 1 });
    for (const one of [twice, sized, still])
      expect(await ended(client, one.id)).toMatchObject({ status: 'completed' });
    const file = await bytesOf(await client.videos.downloadContent(twice.id));
    expect((await decodeVideo(file as Uint8Array<ArrayBuffer>)).shape).toEqual([4, 64, 64, 3]);
    for (const [body, words] of [
      [{ video: { id }, size: '16x64' }, /no smaller than the video, which is 32x32/],
      [{ video: { id }, size: '64x64', scale: 2 }, /either scale or size/],
      [{ video: { id }, scale: 0.5 }, /can only become larger/],
      [{ video: { id }, model: 'plain' }, /its workers have no upsampler; it makes videos from words alone/],
    ] as const)
      expect((await errorOf(larger(body))).message).toMatch(words);
  });

  it('begins with a picture: uploaded, or in a data: address, in a form or in JSON', async () => {
    const file = await picture();
    const address = `data:image/png;base64,${Buffer.from(await file.arrayBuffer()).toString('base64')}`;
    const before = server.engine.read.length;
    const made = [
      await client.videos.create({ prompt: 'x', input_reference: file }),
      await client.videos.create({ prompt: 'x', input_reference: { image_url: address } }),
      await client.post<OpenAI.Videos.Video>('/videos', {
        body: { prompt: 'x', input_reference: { image_url: address } },
      }),
    ];
    for (const one of made)
      expect(await ended(client, one.id)).toMatchObject({ status: 'completed', kind: 'image' });
    expect(server.engine.read.slice(before)).toEqual([file.size, file.size, file.size]);
  });

  it('creates characters, and shows them in videos', async () => {
    const character = await client.videos.createCharacter({ name: 'Mossy', video: await picture() });
    expect(await client.videos.getCharacter(character.id!)).toMatchObject({
      id: character.id,
      name: 'Mossy',
    });
    const video = await client.videos.create(more({ prompt: 'x', characters: [{ id: character.id }] }));
    expect(await ended(client, video.id)).toMatchObject({ status: 'completed', kind: 'reference' });
    expect((await errorOf(server.client(KEYS[1]).videos.getCharacter(character.id!))).status).toBe(404);
  });

  it('deletes a video, and its files', async () => {
    const { id } = await client.videos.create({ prompt: 'x' });
    await ended(client, id);
    expect(await readdir(join(server.data, 'videos'))).toContain(id);
    expect(await client.videos.delete(id)).toEqual({ id, object: 'video.deleted', deleted: true });
    expect((await errorOf(client.videos.retrieve(id))).status).toBe(404);
    expect(await readdir(join(server.data, 'videos'))).not.toContain(id);
  });

  it('stops a running job within a step when it is deleted', async () => {
    const { id } = await client.videos.create(more({ prompt: 'slow', steps: 1000 }));
    await until(() => server.engine.made.some((job) => job.id === id));
    await client.videos.delete(id);
    await pause(500); // a step takes 50 ms, and is told every 200 ms
    const { steps } = server.engine;
    await pause(200);
    expect(server.engine.steps).toBe(steps);
    await ended(client, (await client.videos.create({ prompt: 'x' })).id);
    expect(await readdir(join(server.data, 'videos'))).not.toContain(id);
    expect(await readdir(join(server.data, 'scratch'))).toEqual([]);
  });

  it('makes one video of requests with the same Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'once' };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => client.videos.create({ prompt: 'x' }, { headers })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    const other = await server.client(KEYS[1]).videos.create({ prompt: 'x' }, { headers });
    expect(other.id).not.toBe(all[0]!.id);
    expect(await errorOf(client.videos.create({ prompt: 'y' }, { headers }))).toMatchObject({ status: 422 });
  });

  it('tells progress and previews as events', async () => {
    const { id } = await client.videos.create(more({ prompt: 'slow', steps: 60 }));
    const response = await fetch(`${server.url}/v1/videos/${id}/events`, {
      headers: { authorization: `Bearer ${KEYS[0]}` },
    });
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const events = (await response.text())
      .split('\n\n')
      .filter(Boolean)
      .map((text) => ({
        event: /event: (\w+)/.exec(text)![1],
        data: JSON.parse(/data: (.*)/.exec(text)![1]!),
      }));
    const progress = events.filter(({ event }) => event === 'video').map(({ data }) => data.progress);
    expect(progress.length).toBeGreaterThan(4);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(events.at(-1)!.data).toMatchObject({ id, status: 'completed', progress: 100 });
    const { data } = events.find(({ event }) => event === 'preview')!;
    expect(decodePng(new Uint8Array(Buffer.from(data.b64_png, 'base64'))).shape).toEqual([1, 4, 8, 3]);
    expect(data.frames).toBe(2);
  });
});

describe('errors', () => {
  const create = (fields: object) => errorOf(client.videos.create(more(fields)));

  it('are of every class that the package tells apart', async () => {
    const stranger = server.client('not-a-key-at-all');
    expect(await errorOf(stranger.videos.list())).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(await create({ prompt: '' })).toBeInstanceOf(OpenAI.BadRequestError);
    const url = { prompt: 'x', input_reference: { image_url: 'http://127.0.0.1/a.png' } };
    expect(await create(url)).toBeInstanceOf(OpenAI.PermissionDeniedError);
    const foreign = await server.client(KEYS[1]).videos.create({ prompt: 'x' });
    for (const call of [
      () => client.videos.retrieve(foreign.id),
      () => client.videos.delete(foreign.id),
      () => client.videos.downloadContent(foreign.id),
      () => client.videos.remix(foreign.id, { prompt: 'x' }),
      () => client.videos.edit({ prompt: 'x', video: { id: foreign.id } }),
      () => client.videos.retrieve('video_x'),
    ])
      expect(await errorOf(call())).toBeInstanceOf(OpenAI.NotFoundError);
    const { id } = await client.videos.create(more({ prompt: 'slow', steps: 100 }));
    expect(await errorOf(client.videos.downloadContent(id))).toBeInstanceOf(OpenAI.ConflictError);
    await client.videos.delete(id);
  });

  it('say what to do, in OpenAI’s shape', async () => {
    const cases: [object, string, RegExp][] = [
      [{ prompt: 'x', model: 'sora-2' }, 'model', /there is fake, plain/],
      [{ prompt: 'x', size: '720x1281' }, 'size', /multiple of 16/],
      [{ prompt: 'x', size: 'large' }, 'size', /WIDTHxHEIGHT/],
      [{ prompt: 'x', seconds: '0' }, 'seconds', /at least one frame/],
      [{ prompt: 'x', seconds: 'four' }, 'seconds', /number of seconds/],
      [{ prompt: 'x', size: '9600x9600', seconds: '10000' }, 'size', /too much/],
      [{ prompt: '' }, 'prompt', /empty/],
      [{ prompt: 'x'.repeat(100_000) }, 'prompt', /at most 10000 characters/],
      [{ prompt: 'a\0b' }, 'prompt', /not text/],
      [{}, 'prompt', /missing required parameter/],
      [{ prompt: 'x', colour: 'red' }, 'colour', /unknown parameter/],
      [{ prompt: 'x', steps: 'many' }, 'steps', /number/],
      [{ prompt: 'x', seed: '99999999999999999999' }, 'seed', /2\^64/],
      [{ prompt: 'x', seed: '-5e-324' }, 'seed', /2\^64/],
      [{ prompt: 'x', num_frames: 3, seconds: 4 }, 'num_frames', /one of the two/],
      [{ prompt: 'x', characters: [{ id: `char_${'0'.repeat(32)}` }] }, 'characters', /no such character/],
      [{ prompt: 'x', characters: [1, 2].map((n) => ({ id: `char_${n}` })) }, 'characters', /one character/],
      [{ prompt: 'x', input_reference: { file_id: 'file-1' } }, 'input_reference', /keeps no files/],
    ];
    for (const [fields, param, message] of cases) {
      const error = await create(fields);
      expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param });
      expect(error.message).toMatch(message);
    }
  });

  it('of files: a picture that is text, is huge, or ends early; a video that ends early', async () => {
    const reference = async (bytes: Uint8Array | string) =>
      (await create({ prompt: 'x', input_reference: await toFile(bytes as Uint8Array, 'a.png') })).message;
    const png = new Uint8Array(await (await picture()).arrayBuffer());
    expect(await reference('this is a text')).toMatch('png, jpg, webp');
    expect(await reference(png.subarray(0, png.length / 2))).toMatch(
      'this PNG picture is damaged or was cut short',
    );
    const huge = png.slice();
    new DataView(huge.buffer).setUint32(16, 100_000);
    new DataView(huge.buffer).setUint32(20, 100_000);
    expect(await reference(huge)).toMatch('at most 16777216');
    const { id } = await client.videos.create({ prompt: 'x', seconds: '4' });
    await ended(client, id);
    const file = await bytesOf(await client.videos.downloadContent(id));
    for (const part of [file.subarray(0, file.length - 200), file.subarray(0, 100)]) {
      const error = await errorOf(client.videos.edit({ prompt: 'x', video: await toFile(part, 'a.mp4') }));
      expect(error).toMatchObject({ status: 400, param: 'video', code: 'invalid_file' });
    }
  });

  it('of what a checkpoint cannot do name what it can', async () => {
    const first = await create({ prompt: 'x', model: 'plain', input_reference: await picture() });
    expect(first.message).toMatch(
      'the model plain cannot begin with a picture; it makes videos from words alone',
    );
    const { id } = await client.videos.create({ prompt: 'x', model: 'plain' });
    await ended(client, id);
    const error = await errorOf(client.videos.extend({ prompt: 'x', video: { id }, seconds: '4' }));
    expect(error).toMatchObject({ status: 400, code: 'unsupported_by_model' });
    expect((await client.videos.remix(id, { prompt: 'y' })).id).toMatch(/^video_/);
  });

  it('of broken bodies', async () => {
    const post = async (body: string, type: string) => {
      const headers = { authorization: `Bearer ${KEYS[0]}`, 'content-type': type };
      const response = await fetch(`${server.url}/v1/videos`, { method: 'POST', body, headers });
      return [response.status, ((await response.json()) as { error: { code: string } }).error.code];
    };
    expect(await post('{"prompt":', 'application/json')).toEqual([400, 'invalid_json']);
    expect(await post('[]', 'application/json')).toEqual([400, 'invalid_value']);
    expect(await post('--x\r\nContent-Dis', 'multipart/form-data; boundary=x')).toEqual([
      400,
      'invalid_multipart',
    ]);
    expect(await post('prompt', 'multipart/form-data')).toEqual([400, 'invalid_multipart']);
    expect(await post('prompt', 'text/plain')).toEqual([415, 'unsupported_media_type']);
  });

  it('of jobs stand in the video', async () => {
    const broken = await client.videos.create({ prompt: 'broken' });
    expect((await ended(client, broken.id)).error).toEqual({
      code: 'generation_failed',
      message: 'the fake engine breaks',
    });
    const secret = await client.videos.create({ prompt: 'secret' });
    expect((await ended(client, secret.id)).error?.message).toMatch(
      /^the video could not be made: the operator/,
    );
    const full = await client.videos.create({ prompt: 'full' });
    expect((await ended(client, full.id)).error).toMatchObject({ code: 'insufficient_storage' });
    expect(await readdir(join(server.data, 'videos'))).not.toContain(full.id);
    expect(await errorOf(client.videos.downloadContent(full.id))).toBeInstanceOf(OpenAI.ConflictError);
  });
});
