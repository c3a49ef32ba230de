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
