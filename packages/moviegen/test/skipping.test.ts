// The step cache and the interval of guidance in the pipelines of both families: what they leave out and what they do not
// change. The cache itself is tested with the transformers (packages/dit, packages/wan).

import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import type { GenerateOptions } from '../src/generate/options.ts';
import { type Progress, VideoPipeline } from '../src/index.ts';
import { PROMPT, same } from './tinyPipeline.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));

const WAN = fileURLToPath(new URL('../../wan/fixtures/t2v', import.meta.url));

describe.each([
  ['Movie Gen', TINY, { width: 32, height: 16, numFrames: 9 }],
  ['Wan', WAN, { width: 32, height: 32, numFrames: 5 }],
] as const)('%s', async (_, folder, size) => {
  const pipeline = await VideoPipeline.fromPretrained(folder, { device });
  const config = JSON.parse(await readFile(join(folder, 'transformer', 'config.json'), 'utf8'));
  const blocks: number = config.num_layers;
  afterAll(() => pipeline.dispose());
  const steps = 4;
  const generate = (options: GenerateOptions = {}) =>
    pipeline.generate(PROMPT, { ...size, steps, seed: 3, guidanceScale: 4, ...options });

  test.each(['batched', 'sequential'] as const)('a cache, guidance %s', async (guidance) => {
    const plain = await generate({ guidance });
    expect(plain.computed).toBeUndefined();
    const none = await generate({ guidance, cache: 1e-9 });
    expect([none.computed, same(none.frames, plain.frames)]).toEqual([1, true]);
    const all = await generate({ guidance, cache: 1e9 }); // every step after the first
    expect(all.computed).toBeCloseTo((blocks + steps - 1) / (blocks * steps), 12);
    expect(same(all.frames, plain.frames)).toBe(false);
    expect(all.frames.data.every(Number.isFinite)).toBe(true);
  });

  test('groups of videos do not share a cache', async () => {
    const options = { ...size, steps, seed: [3, 4], cache: 1e9 };
    const [, second] = await pipeline.generate([PROMPT, PROMPT], options);
    const alone = await pipeline.generate(PROMPT, { ...options, seed: 4 });
    expect(same(second!.frames, alone.frames)).toBe(true);
  });

  test('an interval of guidance: its steps are counted, and the others have none', async () => {
    const plain = await generate({ guidance: 'sequential' });
    const whole = await generate({ guidance: 'sequential', guidanceInterval: [0, 1] });
    expect([whole.computed, same(whole.frames, plain.frames)]).toEqual([undefined, true]);
    const off = await generate({ guidanceScale: 1 });
    const outside = await generate({ guidanceInterval: [0.9, 1] }); // no step begins there
    expect([outside.computed, same(outside.frames, off.frames)]).toEqual([0.5, true]);

    const latentsOf = async (options: GenerateOptions) => {
      const made: Float32Array[] = [];
      const onProgress = async (told: Progress) => {
        if (told.phase === 'sample') made.push((await told.latents())[0]!.data);
      };
      const { computed } = await generate({ ...options, onProgress });
      return { made, computed };
    };
    for (const cache of [0, 1e-9]) {
      const last = await latentsOf({ guidanceInterval: [0.5, 1], cache });
      const [without, first] = [
        await latentsOf({ guidanceScale: 1 }),
        await latentsOf({ guidanceInterval: [0, 0.5], cache }),
      ];
      const guided = await latentsOf({ guidance: 'sequential' });
      expect([last.computed, first.computed]).toEqual([0.75, 0.75]);
      const equal = (a: typeof last, b: typeof last) =>
        a.made.map((values, i) => values.every((value, k) => value === b.made[i]![k]));
      expect(equal(last, without)).toEqual([true, true, true, false, false]);
      expect(equal(first, guided)).toEqual([true, true, true, false, false]);
    }
  });

  test('a call with a cache stops within a step, and leaves nothing on the device', async () => {
    const stop = new AbortController();
    const before = device.memory().used;
    const onProgress = ({ phase }: Progress) => {
      if (phase === 'sample') setTimeout(() => stop.abort(new Error('enough')));
    };
    const options = { cache: 0.1, guidanceInterval: [0, 0.5] as const, steps: 8, onProgress };
    await expect(generate({ ...options, signal: stop.signal })).rejects.toThrow('enough');
    expect(device.memory().used).toBe(before);
  });

  test.each<[string, GenerateOptions, string]>([
    ['a negative cache', { cache: -1 }, 'generate: cache must be a number from 0, about 0.1, got -1'],
    [
      'an interval that ends before it begins',
      { guidanceInterval: [0.9, 0.1] },
      'generate: guidanceInterval must be two rising shares of the steps from 0 to 1, such as [0.1, 0.9], got [0.9, 0.1]',
    ],
    ['an interval beyond the end', { guidanceInterval: [0, 2] }, 'got [0, 2]'],
    [
      'half an interval',
      { guidanceInterval: [0.5] as unknown as [number, number] },
      'from 0 to 1, such as [0.1, 0.9], got [0.5]',
    ],
    [
      'an interval of a batch',
      { guidance: 'batched', guidanceInterval: [0.1, 0.9] },
      'generate: with guidanceInterval the branches of guidance are sequential: leave guidance out',
    ],
  ])('%s is refused', async (_, options, message) => {
    await expect(generate(options)).rejects.toThrow(message);
  });
});

test('Wan: outside of the interval, the latents follow diffusers’ prediction of the prompt’s branch', async () => {
  const expected = join(WAN, 'expected', 'pipeline-euler');
  const run = JSON.parse(await readFile(`${expected}.json`, 'utf8'));
  const file = await openFile(`${expected}.safetensors`);
  const values = async (name: string) => Float32Array.from(bytesToFloats(await file.read(name), 'F32'));
  const [noise, branch, sigmas] = [
    await values('input.latents'),
    await values('step.0.cond'),
    await values('sigmas'),
  ];
  const pipeline = await VideoPipeline.fromPretrained(WAN, { device });
  const latents: Float32Array[] = [];
  await pipeline.generate(run.prompt, {
    ...{ negativePrompt: run.negative, width: run.size[1], height: run.size[0], numFrames: run.frames },
    ...{ steps: run.steps, guidanceScale: run.guidance, solver: 'euler', guidanceInterval: [0.1, 1] },
    latents: { data: noise, shape: file.shape('input.latents').slice(1) as never },
    onProgress: async (told) => {
      if (told.phase === 'sample') latents.push((await told.latents())[0]!.data);
    },
  });
  const step = sigmas[1]! - sigmas[0]!; // x + (sigma_1 - sigma_0) v
  const worst = latents[1]!.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (noise[i]! + step * branch[i]!))),
    0,
  );
  expect(worst).toBeLessThan(1e-4);
  pipeline.dispose();
  await file.close();
});

test('Wan with two experts: the second one begins with a pass of all blocks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moe-'));
  await cp(join(WAN, '..', 'moe'), folder, { recursive: true });
  for (const part of ['vae', 'text_encoder', 'tokenizer'])
    await cp(join(WAN, part), join(folder, part), { recursive: true });
  const pipeline = await VideoPipeline.fromPretrained(folder, { device });
  const config = JSON.parse(await readFile(join(folder, 'transformer', 'config.json'), 'utf8'));
  const blocks: number = config.num_layers;
  const size = { width: 32, height: 32, numFrames: 5, steps: 6, shift: 3 };
  const { computed } = await pipeline.generate(PROMPT, { ...size, cache: 1e9 });
  expect(computed).toBeCloseTo((2 * blocks + 4) / (6 * blocks), 12);
  pipeline.dispose();
  await rm(folder, { recursive: true });
});
