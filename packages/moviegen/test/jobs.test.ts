// Every job of a conditioned checkpoint against the reference, step by step; batches, solvers and types of weights with each; and
// what is refused.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { Safetensors, serialize, type TensorData } from '@moviegen/safetensors';
import { conditioned, json } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { MovieGen, type Progress, parsePolicy } from '../src/index.ts';
import type { Frames, Video } from '../src/video/frames.ts';
import { same } from './tinyPipeline.ts';

const folder = fileURLToPath(new URL('../fixtures/jobs/', import.meta.url));
const { cases, fps } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
  readonly fps: number;
  readonly cases: Readonly<Record<string, { prompt: string; seed: number } & Record<string, unknown>>>;
};

const device = await testDevice();
const before = device.memory().used;
const movieGen = await MovieGen.fromPretrained(conditioned(), { device });
afterAll(() => {
  movieGen.dispose();
  expect(device.memory().used).toBe(before);
});

/** The frames that the reference draws: bytes (37 t + 11 y + 7 x + 53 c) mod 256, t from `first` on. */
function pattern(count: number, first = 0): Video {
  const [H, W] = [16, 32];
  const data = new Uint8Array(count * H * W * 3);
  let at = 0;
  for (let t = first; t < first + count; t++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++)
        for (let c = 0; c < 3; c++) data[at++] = (37 * t + 11 * y + 7 * x + 53 * c) % 256;
  return { data, shape: [count, H, W, 3], fps };
}
const keepLeft = (): Frames => ({
  data: Uint8Array.from({ length: 16 * 32 * 3 }, (_, i) => (Math.floor(i / 3) % 32 < 12 ? 255 : 0)),
  shape: [1, 16, 32, 3],
});
const video = pattern(9);

async function expectedOf(name: string): Promise<Map<string, Float32Array>> {
  const file = await Safetensors.open(new Uint8Array(readFileSync(join(folder, `${name}.safetensors`))));
  const read = async (tensor: string) =>
    [tensor, Float32Array.from(bytesToFloats(await file.read(tensor), file.dtype(tensor)))] as const;
  return new Map(await Promise.all(file.names().map(read)));
}

/** Notes the latents after each step: `step.1`, or `part.step.1` of parts. */
function steps(seen: Map<string, Float32Array>, parts = false) {
  return async (progress: Progress) => {
    if (progress.phase !== 'sample' || progress.step === 0) return;
    const name = `step.${progress.step}`;
    seen.set(parts ? `${progress.first}.${name}` : name, (await progress.latents())[0]!.data);
  };
}

function expectSame(seen: Map<string, Float32Array>, expected: Map<string, Float32Array>): void {
  const names = [...expected.keys()].filter((name) => name.includes('step.'));
  expect([...seen.keys()].sort()).toEqual(names.sort());
  for (const name of names) {
    const largest = Math.max(...expected.get(name)!.map(Math.abs));
    const error = Math.max(...expected.get(name)!.map((value, i) => Math.abs(value - seen.get(name)![i]!)));
    expect(error / largest, name).toBeLessThan(1e-3);
  }
}

describe('as the reference', () => {
  const given = {
    image: { image: pattern(1, 3) },
    both: { image: pattern(1, 3), lastImage: pattern(1, 8), videoGuidanceScale: 1.7 },
    start: { video, strength: 0.6 },
    mask: { video, mask: keepLeft() },
  };
  test.each(Object.entries(given))('%s', async (name, options) => {
    const { prompt, seed } = cases[name]!;
    for (const guidance of ['batched', 'sequential'] as const) {
      const seen = new Map<string, Float32Array>();
      await movieGen.generate(prompt, { ...options, seed, guidance, onProgress: steps(seen) });
      expectSame(seen, await expectedOf(name));
    }
  });

  test.each([
    ['edit', { task: 'recolour' }],
    ['edit-three', { videoGuidanceScale: 1.5 }],
  ])('%s', async (name, options) => {
    const { prompt, seed } = cases[name]!;
    for (const guidance of ['batched', 'sequential'] as const) {
      const seen = new Map<string, Float32Array>();
      const made = await movieGen.edit(video, prompt, {
        ...options,
        seed,
        guidance,
        onProgress: steps(seen),
      });
      expectSame(seen, await expectedOf(name));
      expect(made.frames.shape).toEqual([9, 16, 32, 3]);
    }
  });

  test('extend', async () => {
    const { prompt, seed } = cases.extend!;
    const [seen, expected] = [new Map<string, Float32Array>(), await expectedOf('extend')];
    const given = pattern(16);
    const made = await movieGen.extend(given, prompt, { seed, numFrames: 45, onProgress: steps(seen, true) });
    expectSame(seen, expected);
    expect(made.frames.shape).toEqual([45, 16, 32, 3]);
    expect(same({ ...made.frames, data: made.frames.data.slice(0, given.data.length) }, given)).toBe(true);
    const latents = {
      data: expected.get('latents')! as Float32Array<ArrayBuffer>,
      shape: [4, 6, 2, 4] as const,
    };
    const whole = await movieGen.decode(latents, { numFrames: 45 });
    const size = 16 * 32 * 3;
    const last = 15 * size; // the last given frame; what decoding loses of it fades over 8 new ones
    const faded = (i: number) => {
      const frame = Math.floor(i / size);
      const lost = given.data[last + (i % size)]! - whole.data[last + (i % size)]!;
      const value = whole.data[given.data.length + i]! + (frame < 8 ? ((8 - frame) / 9) * lost : 0);
      return Math.min(255, Math.max(0, value));
    };
    const apart = Math.max(
      ...made.frames.data.slice(given.data.length).map((v, i) => Math.abs(v - faded(i))),
    );
    expect(apart).toBeLessThanOrEqual(2);
  });
});

test('a picture far longer than wide makes a video of no more than the usual area', async () => {
  const image = { data: new Uint8Array(400 * 3), shape: [1, 400, 1, 3] } as const;
  const { frames } = await movieGen.generate('a star', { image, steps: 1 });
  expect(frames.shape).toEqual([9, 32, 16, 3]);
});

test('a batch gives what each prompt gives alone', async () => {
  const prompts = ['a blue square', 'an orange star'];
  const options = { image: pattern(1), videoGuidanceScale: 2 };
  const made = await movieGen.generate(prompts, { ...options, seed: 3, batch: 2 });
  for (const [i, { latents }] of made.entries()) {
    const alone = await movieGen.generate(prompts[i]!, { ...options, seed: 3 + i });
    const error = Math.max(...latents.data.map((value, k) => Math.abs(value - alone.latents.data[k]!)));
    expect(error).toBeLessThan(1e-3);
  }
});

test('streamed layers give the same, to the bit', async () => {
  const files = conditioned({
    'transformer/config.json': (bytes) => json({ num_layers: 4 })(readConfig(bytes)),
    'transformer/model.safetensors': () => fourLayers,
  });
  const fourLayers = await withLayers(4);
  const options = {
    seed: 1,
    videoGuidanceScale: 1.5,
    task: 'add',
    guidance: 'sequential',
    steps: 2,
  } as const;
  const latents: Float32Array[] = [];
  for (const more of [{}, { maxMemory: 310 * 1024, offload: 'host' as const }]) {
    const one = await MovieGen.fromPretrained(files, { device, ...more });
    latents.push((await one.edit(video, 'a star', options)).latents.data);
    one.dispose();
  }
  expect(latents[1]).toEqual(latents[0]);
});

/** The transformer with more layers, copies of its last one. */
async function withLayers(count: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await Safetensors.open(
    new Uint8Array(readFileSync(join(folder, 'transformer/model.safetensors'))),
  );
  const tensors: Record<string, TensorData> = {};
  for (const name of file.names()) {
    const tensor = { dtype: file.dtype(name), shape: file.shape(name), data: await file.read(name) };
    tensors[name] = tensor;
    for (let i = 2; i < count && name.startsWith('layers.1.'); i++)
      tensors[name.replace('layers.1.', `layers.${i}.`)] = tensor;
  }
  return serialize(tensors);
}

const precisions = ['q8', 'q4', ...(device.target.f16 ? ['f16', 'q8/f16'] : [])] as const;
test.each(precisions)('with weights in %s', async (dtype) => {
  const quantized = await MovieGen.fromPretrained(conditioned(), { device, dtype: parsePolicy(dtype) });
  const made = await quantized.generate('a star', { image: pattern(1), solver: 'midpoint', steps: 2 });
  expect(made.frames.shape).toEqual([9, 16, 32, 3]);
  const changed = await quantized.edit(video, 'a star', { task: 'add', steps: 2, videoGuidanceScale: 2 });
  expect(changed.latents.data.every(Number.isFinite)).toBe(true);
  quantized.dispose();
});

test('a picture that is exactly the first frame', async () => {
  const exact = await MovieGen.fromPretrained(
    conditioned({ 'transformer/config.json': (bytes) => json({ first_frame: 'exact' })(readConfig(bytes)) }),
    { device },
  );
  const { frames, latents } = await exact.generate('a star', { image: pattern(1), numFrames: 9, steps: 2 });
  expect(latents.shape).toEqual([4, 2, 2, 4]);
  expect(frames.shape).toEqual([9, 16, 32, 3]);
  // A picture is encoded as a clip of it alone, eight times.
  const still = { data: new Uint8Array(8 * 16 * 32 * 3), shape: [8, 16, 32, 3] } as const;
  for (let t = 0; t < 8; t++) still.data.set(pattern(1).data, t * 16 * 32 * 3);
  expect((await exact.encode(pattern(1))).data).toEqual((await movieGen.encode(still)).data);
  const made = await exact.extend(pattern(12), 'a star', { numFrames: 30, steps: 2 });
  expect(made.frames.shape).toEqual([30, 16, 32, 3]);
  exact.dispose();
});
const readConfig = (_: Buffer): Buffer => readFileSync(join(folder, 'transformer', 'config.json'));

describe('refuses', () => {
  test('what the checkpoint does not know', async () => {
    await expect(movieGen.edit(video, 'a star', { task: 'resize' })).rejects.toThrow(
      'edit: unknown task "resize", expected one of add, recolour',
    );
    await expect(movieGen.edit(pattern(40), 'a star')).rejects.toThrow(
      'edit: the video has 40 frames at 12 a second, longer than the 16 that this checkpoint is trained on',
    );
    expect(() => movieGen.extendStream(video, 'a star', { numFrames: 9 })).toThrow(
      'extend: numFrames counts the video’s own 9 frames'.replace('’', "'"),
    );
    expect(() => movieGen.extendStream(pattern(3), 'a star', { numFrames: 9 })).toThrow(
      'extend: the video must have at least 8 frames at 12 a second, got 3',
    );
  });

  test('in the name of the job', async () => {
    await expect(movieGen.edit(video, 'a star', { width: 17 })).rejects.toThrow('edit: width must be');
    await expect(movieGen.edit(video, ' ')).rejects.toThrow('edit: the prompt is empty');
    for (const [options, message] of [
      [{ numFrames: 1.5 }, 'extend: numFrames must be'],
      [{ numFrames: 40, seed: -1 }, 'extend: seed must be'],
      [{ numFrames: 40, steps: 0 }, 'extend: steps must be'],
    ] as const)
      expect(() => movieGen.extendStream(pattern(16), 'a star', options)).toThrow(message);
    await expect(movieGen.generate('a star', { steps: 0 })).rejects.toThrow('generate: steps must be');
  });

  test('stops within a step, and keeps no memory', async () => {
    const { used } = device.memory();
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = movieGen.extend(pattern(16), 'a star', {
      numFrames: 45,
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.phase === 'sample' && progress.first === 1 && progress.step === 2)
          controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    await device.sync();
    expect(device.memory().used).toBe(used);
  });
});
