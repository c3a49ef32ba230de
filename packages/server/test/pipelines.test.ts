// The engine of real workers: every kind of job becomes a video of the asked size with a checkpoint that has learnt it.

import { readFile } from 'node:fs/promises';
import { referring } from '@moviegen/testing/checkpoints';
import { encodeVideo, MovieGenUpsampler, VideoPipeline, type VideoStream } from 'moviegen';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Claimed, JobRequest } from '../src/jobs/rows.ts';
import type { Engine } from '../src/worker/engine.ts';
import { pipelineEngine } from '../src/worker/pipelines.ts';

const root = `${import.meta.dirname}/../../..`;
const SIDE = 32;
const SOURCE_FRAMES = 8;

let engine: Engine;
let files: Record<string, Uint8Array<ArrayBuffer>>;

beforeAll(async () => {
  const pipeline = await VideoPipeline.fromPretrained(`${root}/models/shapes-world-jobs`);
  const { device } = pipeline;
  const characters = await VideoPipeline.fromPretrained(referring(), { device });
  const upsampler = await MovieGenUpsampler.fromPretrained(`${root}/models/shapes-world-upsampler`, {
    device,
  });
  engine = pipelineEngine([
    { name: 'jobs', pipeline, upsampler },
    { name: 'characters', pipeline: characters },
  ]);
  const data = new Uint8Array(SOURCE_FRAMES * SIDE * SIDE * 3);
  for (let t = 0; t < SOURCE_FRAMES; t++) data.fill(20 * t, t * SIDE * SIDE * 3, (t + 1) * SIDE * SIDE * 3);
  const video = { data, shape: [SOURCE_FRAMES, SIDE, SIDE, 3] as const, fps: 16 };
  files = {
    image: new Uint8Array(await readFile(`${root}/docs/pictures/star.png`)),
    video: new Uint8Array(await encodeVideo(video, { format: 'mp4' })),
  };
}, 120_000);
afterAll(() => engine?.close());

const job = (request: Partial<JobRequest>): Claimed => ({
  ...{ id: 'v', model: 'jobs', queue: 'q', job: 'j', lease: 'l', attempt: 1 },
  request: {
    ...{ kind: 'text', prompt: 'it moves left', negativePrompt: '', width: SIDE, height: SIDE, fps: 16 },
    ...{ numFrames: 8, totalFrames: 8, steps: 2, guidanceScale: 1, seed: '7', media: [], remixedFrom: null },
    ...request,
  },
});

async function made(jobs: readonly Claimed[]) {
  const done: number[] = [];
  const videos: { stream: VideoStream; first: Uint8Array; frames: number }[] = [];
  const context = {
    signal: new AbortController().signal,
    onProgress: async (progress: { done: number }) => void done.push(progress.done),
    read: async (key: string) => files[key]!,
  };
  for await (const stream of engine.make(jobs, context)) {
    let frames = 0;
    let first: Uint8Array | undefined;
    for await (const piece of stream) {
      first ??= piece.data.slice(0, SIDE * SIDE * 3);
      frames += piece.shape[0];
    }
    videos.push({ stream, first: first!, frames });
  }
  return { videos, done };
}

it('says what the checkpoint can do', () => {
  const [jobs, characters] = engine.cards;
  expect(jobs!.can).toEqual(['text', 'image', 'edit', 'extend', 'upscale']);
  expect(jobs!.upscale).toEqual({ scale: 2, steps: expect.any(Number), guidanceScale: 1 });
  expect(characters!.upscale).toBeUndefined();
  expect(characters!.can).toEqual(['text', 'image', 'reference', 'edit', 'extend']);
});

it('makes videos of words, a picture, another video, and goes on from one', {
  timeout: 240_000,
}, async () => {
  const image = job({ kind: 'image', media: [{ key: 'image', role: 'image' }] });
  const { videos, done } = await made([image, job({ kind: 'image', media: image.request.media })]);
  expect(videos.map(({ frames, stream }) => [frames, ...stream.shape])).toEqual([
    [8, 8, SIDE, SIDE, 3],
    [8, 8, SIDE, SIDE, 3],
  ]);
  expect(Math.max(...done)).toBeGreaterThan(0.9);
  expect(Math.max(...done)).toBeLessThanOrEqual(1);

  const media = [{ key: 'video', role: 'video' }] as const;
  const text = await made([job({})]);
  const edit = await made([job({ kind: 'edit', prompt: 'make the background white', media })]);
  expect(edit.videos[0]!.frames).toBe(8);
  expect(edit.videos[0]!.first).not.toEqual(text.videos[0]!.first);

  const extend = await made([job({ kind: 'extend', totalFrames: 16, media })]);
  expect(extend.videos[0]!.frames).toBe(16);
  // The video's own frames come first: the first one is black, but for what the codec made of it.
  expect(Math.max(...extend.videos[0]!.first)).toBeLessThan(12);
});

it('makes a video larger with the upsampler, and says what is missing without one', {
  timeout: 240_000,
}, async () => {
  const media = [{ key: 'video', role: 'video' }] as const;
  const request = { kind: 'upscale', prompt: '', width: 64, height: 64, steps: 2, media } as const;
  const { videos, done } = await made([job(request)]);
  expect(videos[0]!.stream.shape).toEqual([8, 64, 64, 3]);
  expect(videos[0]!.frames).toBe(8);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(done.at(-1)).toBeCloseTo(1);
  await expect(made([{ ...job(request), model: 'characters' }])).rejects.toThrow(
    'this worker has no upsampler',
  );
});

it('shows a character: the first frame of a picture or a video of it', async () => {
  const firstOf = async (key: string) => {
    const request = job({ kind: 'reference', prompt: 'a star', media: [{ key, role: 'reference' }] });
    const { videos } = await made([{ ...request, model: 'characters' }]);
    expect(videos[0]!.stream.shape).toEqual([8, SIDE, SIDE, 3]);
    return videos[0]!.first;
  };
  expect(await firstOf('image')).not.toEqual(await firstOf('video'));
});

it('a job whose file is missing says so', async () => {
  await expect(made([job({ kind: 'image' })])).rejects.toThrow('the job has no image');
});
