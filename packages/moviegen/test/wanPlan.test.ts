// Plans of Wan: their peak of memory is what a real generation then takes, their weights those of the published models.

import { fileURLToPath } from 'node:url';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, expect, test } from 'vitest';
import { type PlanOptions, planGeneration, VideoPipeline } from '../src/index.ts';

const device = await openDevice({ label: 'plans of Wan' });
afterAll(() => device.destroy());
const t2v = fileURLToPath(new URL('../../wan/fixtures/t2v', import.meta.url));
const ti2v = fileURLToPath(new URL('../../wan/fixtures/ti2v', import.meta.url));

const small = { width: 64, height: 64, numFrames: 9, steps: 2 };
const cases: readonly (readonly [string, PlanOptions])[] = [
  [t2v, small],
  [t2v, { ...small, width: 96, height: 32, numFrames: 17, guidance: 'sequential' }],
  [t2v, { ...small, guidanceScale: 1, dtype: device.target.f16 ? 'f16' : { dit: 'q8', text: 'q8' } }],
  [ti2v, small],
];
test.each(cases)('the peak of memory: %s %j', async (folder, options) => {
  device.trim();
  device.resetPeak();
  const { dtype = 'f32', prompt = 'a red cat walks', ...generate } = options;
  const pipeline = await VideoPipeline.fromPretrained(folder, { device, dtype });
  await pipeline.generate(prompt, generate);
  pipeline.dispose();
  const { peak } = device.memory();
  const plan = await planGeneration(folder, { ...options, prompt, device });
  expect(plan.problems).toEqual([]);
  expect(plan.memory.peak / peak).toBeGreaterThan(0.95);
  expect(plan.memory.peak / peak).toBeLessThan(1.05);
});

test('the peak of sampling counts what a step cache keeps', async () => {
  const options = { ...small, width: 128, height: 128, cache: 0.1, guidance: 'sequential' } as const;
  const prompt = 'a red cat walks';
  const pipeline = await VideoPipeline.fromPretrained(t2v, { device });
  let peak = 0;
  device.trim();
  device.resetPeak();
  await pipeline.generate(prompt, {
    ...options,
    onProgress: ({ phase }) => {
      if (phase === 'sample') peak = device.memory().peak;
    },
  });
  pipeline.dispose();
  const { memory, flops } = await planGeneration(t2v, { ...options, prompt, device });
  const recorded = await planGeneration(t2v, { ...options, cache: 0, prompt, device });
  expect(flops.velocity / recorded.flops.velocity).toBeCloseTo(1, 1);
  const sampling = memory.phases.find(({ phase }) => phase === 'text and sampling')!.peak;
  expect(sampling / peak).toBeGreaterThan(0.95);
  expect(sampling / peak).toBeLessThan(1.05);
});

// Of each expert, where there are two.
test.each([
  ['wan2.1-t2v-1.3b', [1_418_996_800]],
  ['wan2.2-ti2v-5b', [4_999_787_712]],
  ['wan2.2-i2v-a14b', [14_288_901_184, 14_288_901_184]],
  ['wan2.1-i2v-14b', [16_394_878_784]],
  ['wan2.1-flf2v-14b', [16_395_536_704]],
] as const)('%s has as many weights as the published model', async (name, counts) => {
  const plan = await planGeneration(name, { width: 64, height: 64, numFrames: 5, steps: 1, dtype: 'q8/f16' });
  expect(plan.problems).toEqual([]);
  const parts = ['dit', 'dit 2'].map((part) =>
    plan.weights.filter((one) => one.part === part).reduce((sum, { parameters }) => sum + parameters, 0),
  );
  expect(parts.filter((count) => count > 0)).toEqual(counts);
});
