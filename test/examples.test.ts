// Runs the examples in Node, as a reader does. test/browser runs them in a page.

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { decodeVideo, VideoPipeline } from 'moviegen';
import { expect, test } from 'vitest';
import { mainFiles } from '../examples/electron/files.js';
import { videoRoute } from '../examples/hono-route/route.js';
import { PROMPT, temporaryFolder } from './cli.ts';

const script = fileURLToPath(new URL('../examples/node.js', import.meta.url));
const node = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args]);

test('dit and sampler on their own make latents', async () => {
  const { stdout } = await node();
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(11);
  expect(lines[9]).toBe('step 10 of 10: t = 1.000');
  const deviation = Number(/^latents \[1, 16, 2, 8, 8\] of deviation (\S+)$/.exec(lines[10]!)?.[1]);
  expect(deviation).toBeGreaterThan(0.5); // latents have a standard deviation of about 1
  expect(deviation).toBeLessThan(1.5);
});

test('a folder without a transformer', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'moviegen-test-'));
  await expect(node(empty)).rejects.toThrow('there is no config.json: give the folder of a transformer');
});

test('script: a prompt in, a video out', async () => {
  const file = join(temporaryFolder(), 'video.mp4');
  const video = fileURLToPath(new URL('../examples/script/video.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [video, PROMPT, TINY, file]);
  const { shape } = await decodeVideo(new Uint8Array(readFileSync(file)));
  expect(stdout.trim().split('\n').at(-1)).toBe(`${file}: ${shape[0]} frames`);
});

test('hono-route: a prompt is answered with a video, one after the other, and a mistake with a line', async () => {
  const pipeline = await VideoPipeline.fromPretrained(TINY, { device: await testDevice() });
  let running = 0;
  const generate = pipeline.generate.bind(pipeline);
  pipeline.generate = ((...args: Parameters<typeof generate>) => {
    expect(running++).toBe(0);
    return generate(...args).finally(() => running--);
  }) as typeof pipeline.generate;
  const route = videoRoute(pipeline, { steps: 2 });
  const post = (body: unknown, signal?: AbortSignal) =>
    route.request('/video', { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) });

  const [one, two] = await Promise.all([
    post({ prompt: PROMPT, seed: 1 }),
    post({ prompt: PROMPT, seed: 2 }),
  ]);
  expect([one.status, one.headers.get('content-type'), two.status]).toEqual([200, 'video/mp4', 200]);
  const { shape } = await decodeVideo(new Uint8Array(await one.arrayBuffer()));
  expect(shape[0]).toBeGreaterThan(1);

  expect(await (await post({ text: 'x' })).json()).toEqual({ error: 'expected JSON with a prompt, a text' });
  const wrong = await post({ prompt: PROMPT, seed: -1 });
  expect([wrong.status, await wrong.json()]).toEqual([400, { error: expect.stringContaining('seed') }]);
  expect((await post({ prompt: PROMPT }, AbortSignal.abort())).status).toBe(400);
  expect((await post({ prompt: 'x'.repeat(20_000) })).status).toBe(413);
  pipeline.dispose();
});

test('electron: the main process gives the checkpoint’s files and no other', async () => {
  const kept = join(temporaryFolder(), 'video.mp4');
  const { size, read, save } = mainFiles(TINY, async () => kept);
  const index = readFileSync(join(TINY, 'model_index.json'));
  expect(await size('', 'model_index.json')).toBe(index.length);
  expect(Buffer.from(await read('', 'model_index.json', 2, 9))).toEqual(index.subarray(2, 9));
  expect(await size('transformer', 'nothing.json')).toBeUndefined();
  await expect(size('..', 'model_index.json')).rejects.toThrow('plain name');
  await expect(size('', '../model_index.json')).rejects.toThrow('plain name');
  expect(await save(Uint8Array.of(1, 2))).toBe(kept);
  expect(readdirSync(join(kept, '..'))).toEqual(['video.mp4']);
});
