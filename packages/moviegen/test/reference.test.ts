// A video of a reference picture against the reference, step by step; with other things given, batches, solvers, types of weights,
// streamed layers; how it is planned; and what is refused.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { conditioned, json, referring } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { imageTower } from '../src/families/imageTower.ts';
import {
  checkpointSummary,
  type Frames,
  MovieGen,
  type Progress,
  parsePolicy,
  type Video,
} from '../src/index.ts';
import { same } from './tinyPipeline.ts';

const folder = fileURLToPath(new URL('../fixtures/reference/', import.meta.url));
const read = (path: string) => new Uint8Array(readFileSync(join(folder, path)));
const { cases, fps } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
  readonly fps: number;
  readonly cases: Readonly<Record<string, { readonly prompt: string; readonly seed: number }>>;
};

const device = await testDevice();
const before = device.memory().used;
const movieGen = await MovieGen.fromPretrained(referring(), { device });
afterAll(() => {
  movieGen.dispose();
  expect(device.memory().used).toBe(before);
});

/** The picture that the reference draws: bytes (5 y + 3 x + 53 c) mod 256. */
function reference(shift = 0): Frames {
  const [H, W] = [20, 28];
  const value = (i: number) => 5 * Math.floor(i / 3 / W) + 3 * (Math.floor(i / 3) % W) + 53 * (i % 3) + shift;
  return { data: Uint8Array.from({ length: H * W * 3 }, (_, i) => value(i) % 256), shape: [1, H, W, 3] };
}
/** Frames of the reference: bytes (37 t + 11 y + 7 x + 53 c) mod 256, t from `first` on. */
function pattern(count: number, first = 0): Video {
  const [H, W] = [16, 32];
  const value = (i: number) => {
    const pixel = Math.floor(i / 3);
    return (
      37 * (Math.floor(pixel / H / W) + first) +
      11 * (Math.floor(pixel / W) % H) +
      7 * (pixel % W) +
      53 * (i % 3)
    );
  };
  const data = Uint8Array.from({ length: count * H * W * 3 }, (_, i) => value(i) % 256);
  return { data, shape: [count, H, W, 3], fps };
}
const [video, referenceImage] = [pattern(9), reference()];

async function expectedOf(name: string): Promise<Map<string, Float32Array>> {
  const file = await Safetensors.open(read(`${name}.safetensors`));
  const one = async (tensor: string) =>
    [tensor, new Float32Array((await file.read(tensor)).slice().buffer)] as const;
  return new Map(await Promise.all(file.names().map(one)));
}

function expectNear(seen: ArrayLike<number>, expected: Float32Array, what: string): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(seen.length, what).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - seen[i]!))) / largest, what).toBeLessThan(
    1e-3,
  );
}

test('the tokens of a picture are those of transformers', async () => {
  const encode = await imageTower(
    device,
    {
      path: 'image_encoder',
      config: JSON.parse(readFileSync(join(folder, 'image_encoder/config.json'), 'utf8')),
      weights: await Safetensors.open(read('image_encoder/model.safetensors')),
      processor: JSON.parse(readFileSync(join(folder, 'image_encoder/preprocessor_config.json'), 'utf8')),
    },
    { dtype: 'f32' },
    'tokens',
  );
  const { used } = device.memory();
  const picture = { ...referenceImage, fps, async *[Symbol.asyncIterator]() { yield referenceImage; } }; // biome-ignore format: one line
  const tokens = await encode([picture], undefined);
  expectNear(await tokens.read(), (await expectedOf('tokens')).get('tokens')!, 'tokens');
  expect(device.memory().used - used).toBeLessThan(2 ** 14); // the tower is gone
  tokens.dispose();
});

describe('as the reference', () => {
  const given = {
    two: {},
    three: { referenceGuidanceScale: 1.7 },
    always: { referenceGuidanceScale: 1 },
    image: { image: pattern(1, 3), referenceGuidanceScale: 1.4 },
    edit: { task: 'recolour' },
    'edit-video': { videoGuidanceScale: 1.5 },
  };
  test.each(Object.entries(given))('%s', async (name, more) => {
    const { prompt, seed } = cases[name]!;
    const expected = await expectedOf(name);
    for (const guidance of ['batched', 'sequential'] as const) {
      const seen = new Map<string, Float32Array>();
      const onProgress = async (progress: Progress) => {
        if (progress.phase !== 'sample' || progress.step === 0) return;
        seen.set(`step.${progress.step}`, (await progress.latents())[0]!.data);
      };
      const options = { ...more, referenceImage, seed, guidance, onProgress };
      await (name.startsWith('edit')
        ? movieGen.edit(video, prompt, options)
        : movieGen.generate(prompt, options));
      expect([...seen.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [step, values] of expected) expectNear(seen.get(step)!, values, `${name} ${step}`);
    }
  });
});

const PROMPT = 'a blue square';
const latentsOf = async (options: object, pipeline = movieGen) =>
  (await pipeline.generate(PROMPT, { seed: 3, steps: 2, ...options })).latents.data;
const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

test('another picture makes another video; none is what the base model makes', async () => {
  const one = await latentsOf({ referenceImage });
  expect(apart(one, await latentsOf({ referenceImage: reference(90) }))).toBeGreaterThan(1e-2);
  expect(apart(one, await latentsOf({}))).toBeGreaterThan(1e-2);
  // One scale for both is two branches, to the bit.
  expect(await latentsOf({ referenceImage, guidanceScale: 2.5, referenceGuidanceScale: 2.5 })).toEqual(
    await latentsOf({ referenceImage, guidanceScale: 2.5 }),
  );
});

test('a batch gives what each prompt gives alone', async () => {
  const prompts = [PROMPT, 'an orange star'];
  const options = { referenceImage, referenceGuidanceScale: 2, steps: 2 };
  const made = await movieGen.generate(prompts, { ...options, seed: 3, batch: 2 });
  for (const [i, { latents }] of made.entries()) {
    const alone = await movieGen.generate(prompts[i]!, { ...options, seed: 3 + i });
    expect(apart(latents.data, alone.latents.data)).toBeLessThan(1e-3);
  }
});

test('streamed layers give the same, to the bit', async () => {
  const streamed = await MovieGen.fromPretrained(referring(), {
    device,
    maxMemory: 261 * 1024,
    offload: 'host',
  });
  const options = { referenceImage, referenceGuidanceScale: 2, guidance: 'sequential' };
  expect(await latentsOf(options, streamed)).toEqual(await latentsOf(options));
  streamed.dispose();
});

const precisions = ['q8', 'q4', ...(device.target.f16 ? ['f16', 'q8/f16'] : [])] as const;
test.each(precisions)('with weights in %s', async (dtype) => {
  const other = await MovieGen.fromPretrained(referring(), { device, dtype: parsePolicy(dtype) });
  const made = await latentsOf({ referenceImage, solver: 'midpoint' }, other);
  const [usual, none] = [await latentsOf({ referenceImage, solver: 'midpoint' }), await latentsOf({}, other)];
  expect(apart(made, usual)).toBeLessThan(dtype.startsWith('q4') ? 2 : 0.5);
  expect(apart(made, none)).toBeGreaterThan(1e-2);
  other.dispose();
});

test('with a video to start from, the step cache, and going on', async () => {
  const started = await latentsOf({ referenceImage, video, strength: 0.5 });
  expect(apart(started, await latentsOf({ video, strength: 0.5 }))).toBeGreaterThan(1e-3);
  expect((await latentsOf({ referenceImage, cache: 0.1, solver: 'heun' })).every(Number.isFinite)).toBe(true);
  // As a stream, which is gone through once though each part asks for it.
  let gone = 0;
  const stream = { shape: referenceImage.shape, fps, notes: ['seen'], async *[Symbol.asyncIterator]() { gone++; yield referenceImage; } }; // biome-ignore format: one line
  const made = await movieGen.extend(video, PROMPT, { numFrames: 32, steps: 2, referenceImage: stream });
  expect([made.frames.shape[0], gone, made.notes.includes('seen')]).toEqual([32, 1, true]);
  const without = await movieGen.extend(video, PROMPT, { numFrames: 32, steps: 2 });
  expect(same(made.frames, without.frames)).toBe(false);
});

test('a LoRA of what reads the picture changes what is made of one, and nothing else', async () => {
  const factor = (shape: readonly [number, number]) =>
    ({ dtype: 'F32', shape, data: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)) }) as const;
  const path = 'text_proj.vision.linear';
  const source = serialize({
    [`${path}.lora_A.weight`]: factor([2, 32]),
    [`${path}.lora_B.weight`]: factor([32, 2]),
  });
  const changed = await MovieGen.fromPretrained(referring(), { device, loras: [{ source }] });
  expect(
    apart(await latentsOf({ referenceImage }, changed), await latentsOf({ referenceImage })),
  ).toBeGreaterThan(1e-3);
  expect(await latentsOf({}, changed)).toEqual(await latentsOf({}));
  changed.dispose();
});

test('stops before the tower is loaded, and keeps no memory', async () => {
  const { used } = device.memory();
  const controller = new AbortController();
  const reason = new Error('enough');
  const stopping = { shape: referenceImage.shape, fps, async *[Symbol.asyncIterator]() { controller.abort(reason); yield referenceImage; } }; // biome-ignore format: one line
  await expect(
    movieGen.generate(PROMPT, { referenceImage: stopping, signal: controller.signal }),
  ).rejects.toBe(reason);
  await device.sync();
  expect(device.memory().used).toBe(used);
});

describe('says', () => {
  test('what it can do, and what others cannot, before anything is computed', async () => {
    const { jobs } = await checkpointSummary(referring());
    expect(jobs).toEqual(movieGen.jobs);
    expect(jobs.at(-1)).toBe('reference');
    const other = await MovieGen.fromPretrained(conditioned(), { device });
    const phases: string[] = [];
    const onProgress = ({ phase }: Progress) => void phases.push(phase);
    for (const asked of [
      other.generate(PROMPT, { referenceImage, onProgress }),
      other.generate(PROMPT, { image: pattern(1), referenceImage, onProgress }),
    ])
      await expect(asked).rejects.toThrow(
        'generate: this checkpoint has not learnt video of a reference; it can do text to video, video to video, ' +
          'image to video, last image to video, video inpainting, extending, editing',
      );
    await expect(other.edit(video, PROMPT, { referenceImage })).rejects.toThrow(
      'edit: this checkpoint has not learnt video of a reference',
    );
    expect(phases).toEqual([]);
    other.dispose();
  });

  test.each([
    [
      { referenceGuidanceScale: 2 },
      'generate: referenceGuidanceScale is for a reference: give referenceImage too',
    ],
    [
      { referenceImage, referenceGuidanceScale: Number.NaN },
      'referenceGuidanceScale must be a finite number, got NaN',
    ],
    [
      { referenceImage, image: pattern(1), referenceGuidanceScale: 2, videoGuidanceScale: 2 },
      'generate: give videoGuidanceScale or referenceGuidanceScale, not both',
    ],
    [{ referenceImage, videoGuidanceScale: 2 }, 'videoGuidanceScale is for what is shown to the model'],
    [{ referenceImage: 'me.png' as never }, 'generate: referenceImage: expected frames { data, shape, fps }'],
  ])('what makes no sense: %#', async (options, message) => {
    await expect(movieGen.generate(PROMPT, options)).rejects.toThrow(message);
  });

  test('what of a checkpoint does not fit', async () => {
    const load = (changes: Parameters<typeof referring>[0]) =>
      MovieGen.fromPretrained(referring(changes), { device });
    await expect(load({ 'model_index.json': (bytes) => bytes.toString() })).rejects.toThrow(
      'checkpoint: the transformer reads reference pictures (text_dims.vision), but model_index.json names no image_encoder',
    );
    const config = (values: object) => () =>
      json(values as never)(readFileSync(join(folder, 'image_encoder/config.json')));
    await expect(load({ 'image_encoder/config.json': config({ hidden_size: 64 }) })).rejects.toThrow(
      'checkpoint: the transformer projects vision of width 32, but that encoder gives 64',
    );
    await expect(load({ 'image_encoder/config.json': config({ image_size: 16 }) })).rejects.toThrow(
      'preprocessor_config.json gives 12x12, but the tower takes 16x16',
    );
    expect(device.memory().used).toBeGreaterThan(before);
  });
});
