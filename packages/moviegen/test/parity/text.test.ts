// T5 and both towers of CLIP against transformers', layer by layer.

import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { checkParityCase, describeReport, openFixture } from '../../src/parity/parity.ts';
import { loadClip, loadClipLayout, loadT5, loadT5Layout } from '../../src/parity/text.ts';
import { loadClipVision, loadClipVisionLayout } from '../../src/parity/vision.ts';
import { fixtures, testParity } from './fixtures.ts';

// The gate of SiLU and its two products are one kernel.
testParity(testDevice, 't5-gated-silu', loadT5, /DenseReluDense\.wi_[01]$/);
for (const folder of ['t5-gated-gelu', 't5-relu', 't5-bf16']) testParity(testDevice, folder, loadT5);
for (const folder of ['clip-quick-gelu', 'clip-gelu-256', 'clip-f16'])
  testParity(testDevice, folder, loadClip);
for (const folder of ['clip-vision', 'clip-vision-gelu']) testParity(testDevice, folder, loadClipVision);

test.each([
  ['t5-relu', loadT5Layout, ['embed_tokens', 'both', 'encoder-decoder'], 'masked'],
  ['clip-quick-gelu', loadClipLayout, ['text_model', 'whole'], 'masked'],
  ['clip-vision', loadClipVisionLayout, ['position_ids', 'whole'], 'two'],
] as const)('%s: the other layouts of the same weights', async (folder, load, layouts, name) => {
  const fixture = await openFixture(fixtures, folder);
  expect(fixture.record.layouts).toEqual(['.', ...layouts]);
  for (const layout of layouts) {
    const model = await load(await testDevice(), fixture, layout);
    const report = await checkParityCase(model, fixture, name);
    model.dispose();
    expect(report.first && describeReport(report)).toBeUndefined();
    expect(report.compared).toBeGreaterThan(0);
  }
});
