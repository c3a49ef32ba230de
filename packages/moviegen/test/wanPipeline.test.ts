// Wan's pipelines against diffusers': prompts and latents in, the video out. The cases are found by reading the fixtures' folders.

import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import { type Frames, type Latents, VideoPipeline } from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
const root = process.env.WAN_FIXTURES ?? fileURLToPath(new URL('../../wan/fixtures', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'wan-'));
afterAll(async () => {
  expect(device.memory().used).toBe(used);
  await rm(scratch, { recursive: true, force: true });
});

interface Call {
  readonly name: string;
  readonly prompt: string;
  readonly negative?: string;
  readonly size: [number, number];
  readonly frames: number;
  readonly steps: number;
  readonly guidance: number;
  readonly guidance_2?: number;
  readonly image?: boolean;
  readonly scheduler?: string;
}

/** Every run of every pipeline. */
const runs: [folder: string, run: string][] = [];
for (const folder of await readdir(root))
  if (existsSync(join(root, folder, 'model_index.json')))
    for (const file of await readdir(join(root, folder, 'expected')))
      if (/^pipeline.*\.json$/.test(file)) runs.push([folder, file.replace(/\.json$/, '')]);

/** A folder's pipeline with the parts that it shares with `t2v` laid in. */
async function wholeFolder(name: string): Promise<string> {
  const folder = join(root, name);
  if (existsSync(join(folder, 'vae'))) return folder;
  const whole = join(scratch, name);
  await cp(folder, whole, { recursive: true });
  for (const part of ['vae', 'text_encoder', 'tokenizer'])
    await cp(join(root, 't2v', part), join(whole, part), { recursive: true });
  return whole;
}

test.each(runs)('%s: %s, its latents and its video', async (folder, run) => {
  const place = join(root, folder, 'expected', run);
  const call: Call = JSON.parse(await readFile(`${place}.json`, 'utf8'));
  const file = await openFile(`${place}.safetensors`);
  const values = async (name: string) => Float32Array.from(bytesToFloats(await file.read(name), 'F32'));
  const latentsOf = async (name: string): Promise<Latents> => ({
    data: await values(name),
    shape: file.shape(name).slice(1) as unknown as Latents['shape'],
  });
  const pipeline = await VideoPipeline.fromPretrained(await wholeFolder(folder), { device });
  const [height, width] = call.size;
  const image: Frames | undefined = call.image
    ? {
        data: Uint8Array.from(await pixels(await values('input.image'), file.shape('input.image')), (v) =>
          Math.round(v * 255),
        ),
        shape: [1, height, width, 3],
      }
    : undefined;
  const latents: number[][] = [];
  const made = await pipeline.generate(call.prompt, {
    negativePrompt: call.negative ?? '',
    width,
    height,
    numFrames: call.frames,
    steps: call.steps,
    guidanceScale: call.guidance,
    ...(call.guidance_2 !== undefined && { guidanceScale2: call.guidance_2 }),
    ...(call.scheduler?.includes('Euler') && { solver: 'euler' }),
    ...(image && { image }),
    latents: await latentsOf('input.latents'),
    onProgress: async (told) => {
      if (told.phase === 'sample' && told.step > 0) latents.push([...(await told.latents())[0]!.data]);
    },
  });
  const worst = (ours: ArrayLike<number>, theirs: Float32Array) =>
    theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[i]!)), 0);
  // A picture comes in bytes here, in floats there: half a step of them is in all that follows. diffusers puts its latents in
  // the place of the first frame after these latents were noted.
  const loose = call.image ? 10 : 1;
  const final = await values('output.latents');
  const [, , T, h, w] = file.shape('output.latents') as [number, number, number, number, number];
  const compared = (i: number) => !call.image || Math.floor(i / (h * w)) % T > 0;
  const largest = final.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const pick = (of: ArrayLike<number>) => Float32Array.from(of).filter((_, i) => compared(i));
  expect(made.latents.data).toHaveLength(final.length);
  expect(worst(pick(made.latents.data), pick(final)) / largest).toBeLessThan(2e-3 * loose);
  // Frames are bytes: half a step of them comes on top of the bound.
  const video = await pixels(await values('output.video'), file.shape('output.video'));
  const bytes = Array.from(made.frames.data, (byte) => byte / 127.5 - 1);
  expect(bytes).toHaveLength(video.length);
  expect(worst(bytes, Float32Array.from(video))).toBeLessThan(5e-3 * loose + 0.5 / 127.5);
  expect(latents).toHaveLength(call.steps);
  pipeline.dispose();
  await file.close();
});

/** Channels last: [.., 3, T, H, W] or [1, 3, H, W] to [T, H, W, 3]. */
async function pixels(data: Float32Array, shape: readonly number[]): Promise<number[]> {
  const plane = data.length / 3;
  expect(shape.includes(3)).toBe(true);
  return Array.from({ length: data.length }, (_, i) => data[(i % 3) * plane + Math.floor(i / 3)]!);
}
