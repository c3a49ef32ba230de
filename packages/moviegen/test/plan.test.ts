// Plans: their figures are what a real generation then takes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDevice } from '@moviegen/tensor/node';
import { changed, conditioned, TINY } from '@moviegen/testing/checkpoints';
import { afterAll, describe, expect, test } from 'vitest';
import { MovieGen, type PlanOptions, planGeneration, planTable } from '../src/index.ts';

const device = await openDevice({ label: 'plans' });
afterAll(() => device.destroy());

describe('the peak of memory', () => {
  const small = { width: 32, height: 16, numFrames: 9, steps: 2 };
  const cases: readonly PlanOptions[] = [
    small,
    { ...small, guidance: 'sequential', width: 64, height: 48 },
    { ...small, numFrames: 41, guidanceScale: 1 },
    { ...small, dtype: device.target.f16 ? 'f16' : 'q8' },
    { ...small, dtype: { dit: 'q4', text: 'q8' } },
  ];
  test.each(cases)('%j', async (options) => {
    device.trim();
    device.resetPeak();
    const { dtype = 'f32', prompt = 'a red circle "A" grows', ...generate } = options;
    const movieGen = await MovieGen.fromPretrained(TINY, { device, dtype });
    await movieGen.generate(prompt, generate);
    movieGen.dispose();
    const { peak } = device.memory();
    const plan = await planGeneration(TINY, { ...options, prompt, device });
    expect(plan.problems).toEqual([]);
    expect(plan.memory.peak / peak).toBeGreaterThan(0.95);
    expect(plan.memory.peak / peak).toBeLessThan(1.05);
  });
});

test('the published size: tokens, operations and weights as the paper has them', async () => {
  const options = { width: 768, height: 768, numFrames: 16, dtype: 'f16', steps: 50 } as const;
  const ceilings = { flops: { f32: 60e12, subgroupMatrix: 600e12 }, copyBytes: 4e12 };
  const plan = await planGeneration('30b', { ...options, ceilings });
  expect(plan.problems).toEqual([]);
  expect(plan).toMatchObject({ tokens: 4608, latentShape: [16, 2, 96, 96], guidance: 'batched', steps: 50 });
  const parameters = plan.weights.find(({ part }) => part === 'dit')!.parameters;
  expect(parameters).toBe(29_301_700_672);
  // 2 FLOPs a parameter of the layers and token, the text's keys and values apart; attention over all tokens.
  const [N, D, F, layers] = [4608, 6144, 16384, 48];
  const projections = 2 * N * layers * (4 * D * D + 2 * D * D + 3 * D * F);
  const { linear, swiglu, attention } = plan.flops.parts.dit;
  expect((linear!.flops + swiglu!.flops) / 100 / projections).toBeCloseTo(1, 2);
  expect(attention!.flops / 100).toBeGreaterThan(4 * N * N * D * layers);
  expect(plan.flops.velocity).toBeCloseTo((linear!.flops + swiglu!.flops + attention!.flops) / 50, -12);
  expect(plan.seconds!.dit).toBeGreaterThan((plan.flops.velocity * 50) / 600e12);
  expect(planTable(plan)).toContain('tokens       4,608');
});

test('what does not fit is told, with what would help, and all numbers nevertheless', async () => {
  const few = await openDevice({ limits: { maxBufferSize: 2 ** 14, maxStorageBufferBindingSize: 2 ** 13 } });
  const options = { width: 64, height: 64, numFrames: 9, steps: 2, guidance: 'batched' } as const;
  const plan = await planGeneration(TINY, { ...options, device: few });
  few.destroy();
  expect(plan.problems.join()).toMatch(
    /what would help: --dtype f16 .* --guidance sequential .* fewer frames/,
  );
  expect(plan.memory.peak).toBeGreaterThan(2 ** 18);
  expect(plan.limits).toEqual({ buffer: 2 ** 14, binding: 2 ** 13 });
  expect(planTable(plan)).toContain('does not fit:');
  const { memory, problems } = await planGeneration(TINY, {
    ...options,
    guidance: 'sequential',
    memory: 400_000,
  });
  expect(memory.weights).toBeGreaterThan(400_000);
  expect(problems).toEqual([
    expect.stringMatching(
      /^load, .* and the adapter has 391 KiB; what would help: --max-memory.*; --dtype q4(\/f16)? takes: /,
    ),
  ]);
  const fits = await planGeneration(TINY, { ...options, guidance: 'sequential', memory: 0.9 * memory.peak });
  expect(fits.problems.join()).toMatch(/; --dtype q[84](\/f16)? fits: \d/);
});

test('a stop is felt while a plan is made', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('enough')), 100);
  await expect(planGeneration('5b', { signal: stop.signal })).rejects.toThrow('enough');
});

test('an autoencoder whose config says force_upcast is planned in f32 where all else is in f16', async () => {
  const kl = readFileSync(
    fileURLToPath(new URL('../fixtures/autoencoder-kl-4/config.json', import.meta.url)),
  );
  const planned = async (upcast: boolean) => {
    const config = { ...JSON.parse(kl.toString()), force_upcast: upcast };
    const files = changed({ 'tae/config.json': () => JSON.stringify(config) });
    const { weights } = await planGeneration(files, {
      dtype: 'f16',
      width: 32,
      height: 16,
      numFrames: 9,
      steps: 1,
    });
    return weights.filter(({ part }) => part === 'tae').map(({ dtype }) => dtype);
  };
  expect(await planned(true)).toEqual(['f32']);
  expect(await planned(false)).toEqual(['f16']);
});

test('tokenizers that lie elsewhere, by encoder', async () => {
  const gone = () => undefined;
  const files = changed({
    'text_encoder_ul2/tokenizer.json': gone,
    'text_encoder_ul2/tokenizer_config.json': gone,
    'text_encoder_metaclip/tokenizer.json': gone,
  });
  const options = { width: 32, height: 16, numFrames: 9, steps: 1 };
  const tokenizer = { ul2: join(TINY, 'text_encoder_ul2'), metaclip: join(TINY, 'text_encoder_metaclip') };
  await expect(planGeneration(files, options)).rejects.toThrow('text_encoder_ul2/tokenizer.json is missing');
  const { flops } = await planGeneration(files, { ...options, tokenizer });
  expect(flops).toEqual((await planGeneration(TINY, options)).flops);
  const movieGen = await MovieGen.fromPretrained(files, { device, tokenizer });
  movieGen.dispose();
  await expect(planGeneration(files, { ...options, tokenizer: tokenizer.ul2 })).rejects.toThrow(
    'encoders with one are ul2, metaclip: say which it is for, as ENCODER=FOLDER',
  );
  await expect(planGeneration(TINY, { ...options, parts: { vae: 'elsewhere' } })).rejects.toThrow(
    'single models (--transformer, --vae, --text-encoder) are for Wan',
  );
  await expect(planGeneration(files, { ...options, tokenizer: { t5: TINY } })).rejects.toThrow(
    'there is no encoder "t5" with one, expected ul2, metaclip',
  );
});

describe('upscaling, by the figures of the specification', () => {
  const size = { job: 'upscale', width: 1920, height: 1080, numFrames: 256, dtype: 'f16' } as const;

  test('in tiles', async () => {
    const plan = await planGeneration('7b', size);
    expect(plan).toMatchObject({
      tokens: 14_336,
      steps: 20,
      guidance: 'none',
      latentShape: [16, 256, 136, 240],
      windows: { count: 26 * 15, shape: [16, 14, 64, 64] },
    });
    const dit = Object.values(plan.flops.parts.dit).reduce((sum, { flops }) => sum + flops, 0);
    expect(dit / 20 / 26 / 1e15).toBeCloseTo(3.95, 2); // the 15 tiles of a window in time
    expect(plan.memory.host! / 256 / 3 / 1e6).toBeCloseTo(2.09, 2);
  });

  test('in whole frames', async () => {
    const plan = await planGeneration('7b', { ...size, tile: 'none' });
    expect(plan).toMatchObject({ tokens: 114_240, windows: { count: 26 } });
    expect(plan.flops.velocity / 26 / 1e15).toBeCloseTo(6.96, 2);
  });

  test('is not text to video', async () => {
    await expect(planGeneration('7b')).rejects.toThrow('plan: 7b is an upsampler: plan its job upscale');
    await expect(planGeneration('1b', { job: 'edit' })).rejects.toThrow(
      'edit: this checkpoint has not learnt editing',
    );
  });
});

test('plans the job extend: parts that are each given the end of the one before', async () => {
  const of = (numFrames: number) => planGeneration(conditioned(), { job: 'extend', numFrames });
  const [short, long] = [await of(20), await of(48)];
  expect(short).toMatchObject({ parts: 1, latentShape: [4, 4, 2, 4], video: { numFrames: 20 } });
  expect(long.parts).toBeGreaterThan(1);
  expect(long.flops.parts.dit.linear!.flops).toBe(long.parts! * short.flops.parts.dit.linear!.flops);
  expect(long.flops.velocity).toBeCloseTo(short.flops.velocity);
  expect(long.memory.phases.map(({ phase }) => phase)).toContain('encoding');
  await expect(of(9)).rejects.toThrow(
    "counts the video's own frames, assumed to be 16: give more than that, got 9",
  );
  await expect(planGeneration('1b', { job: 'extend' })).rejects.toThrow('has not learnt extending');
});

test.each(['image', 'lastImage', 'mask', 'edit', 'video'] as const)('plans the job %s', async (job) => {
  const [plain, plan] = [await planGeneration(conditioned()), await planGeneration(conditioned(), { job })];
  expect(plan.memory.phases.map(({ phase }) => phase)).toContain('encoding');
  expect(plan.flops.parts.tae.conv!.flops).toBeGreaterThan(plain.flops.parts.tae.conv!.flops);
});
