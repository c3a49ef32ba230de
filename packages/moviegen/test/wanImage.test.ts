// Pictures to video by Wan's image models of diffusers' folders, CLIP's image tower included: against diffusers' own latents. And
// what the plan of it says of memory.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memorySource, serialize } from '@moviegen/safetensors';
import { openFile } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { ClipVisionModel, parseClipVisionConfig } from '@moviegen/text';
import { afterAll, expect, test } from 'vitest';
import { openFiles } from '../src/checkpoint/files.ts';
import { type CheckpointFiles, planGeneration, VideoPipeline } from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));
const root = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const SHARED: Readonly<Record<string, string>> = {
  ...{ vae: 't2v', text_encoder: 't2v', tokenizer: 't2v' },
  ...{ image_encoder: 'image', image_processor: 'image' },
};

/** A checkpoint with the parts that it shares with the others. */
const checkpoint = (job: string): CheckpointFiles => ({
  label: job,
  folder: (part) => openFiles(join(root, SHARED[part] ?? job)).folder(part),
});

async function callOf(job: string) {
  const call = JSON.parse(await readFile(join(root, job, 'expected/image.json'), 'utf8'));
  const file = await openFile(join(root, job, 'expected/image.safetensors'));
  const floats = async (name: string) => new Float32Array((await file.read(name)).slice().buffer);
  const [height, width] = call.size as [number, number];
  const pictures: Record<string, object> = {};
  for (const name of ['image', 'lastImage'].filter((one) => file.has(one)))
    pictures[name] = { data: await file.read(name), shape: [1, height, width, 3] };
  const [, ...shape] = file.shape('noise');
  const latents = { data: await floats('noise'), shape: shape as [number, number, number, number] };
  const wanted = await floats('latents');
  await file.close();
  const { negative: negativePrompt, frames: numFrames, steps, guidance: guidanceScale } = call;
  const size = { width, height, numFrames, steps };
  return {
    prompt: call.prompt,
    wanted,
    size,
    options: { ...pictures, negativePrompt, guidanceScale, latents },
  };
}

test.each(['image', 'lastImage'])('%s', async (job) => {
  const { prompt, wanted, size, options } = await callOf(job);
  const pipeline = await VideoPipeline.fromPretrained(checkpoint(job), { device });
  const { latents } = await pipeline.generate(prompt, { ...size, ...options });
  const video = { data: new Uint8Array(3), shape: [1, 1, 1, 3], fps: 16 } as const;
  expect(() => pipeline.extendStream(video, prompt, { numFrames: 9 })).toThrow(
    "give the video's last frame to generate",
  );
  pipeline.dispose();
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = latents.data.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
  expect(worst / largest).toBeLessThan(2e-3);
});

test('the peak of memory counts the tower', async () => {
  // A tower that is most of the peak: the fixture's, 1000 times as wide inside.
  const config = await readFile(join(root, 'image/image_encoder/config.json'), 'utf8');
  const large = { ...JSON.parse(config), intermediate_size: 36_000 };
  const shapes = ClipVisionModel.weightShapes(parseClipVisionConfig(large));
  const zeros = Object.entries(shapes).map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return [`vision_model.${name}`, { dtype: 'F32', shape, data }] as const;
  });
  const files: Record<string, Uint8Array<ArrayBuffer>> = {
    'config.json': new TextEncoder().encode(JSON.stringify(large)),
    'model.safetensors': serialize(zeros),
  };
  const small = checkpoint('image');
  const source: CheckpointFiles = {
    label: 'large',
    folder: (part) =>
      part === 'image_encoder' ? async (name) => memory(files[name], name) : small.folder(part),
  };
  const { prompt, size, options } = await callOf('image');
  device.trim();
  device.resetPeak();
  const before = device.memory().used;
  const pipeline = await VideoPipeline.fromPretrained(source, { device });
  await pipeline.generate(prompt, { ...size, ...options });
  pipeline.dispose();
  const peak = device.memory().peak - before;
  const plan = await planGeneration(source, { ...size, prompt, device });
  expect(plan.weights.find(({ part }) => part === 'image')!.bytes).toBeGreaterThan(0.6 * peak);
  expect(plan.memory.peak / peak).toBeGreaterThan(0.95);
  expect(plan.memory.peak / peak).toBeLessThan(1.05);
});

const memory = (bytes: Uint8Array<ArrayBuffer> | undefined, name: string) =>
  bytes && memorySource(bytes, name);
