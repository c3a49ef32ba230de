// The transformer with weights and activations in f16 against diffusers' in f32, where the adapter has f16.

import { testDevice } from '@moviegen/testing/device';
import { parseTransformerConfig, WanTransformer } from '@moviegen/wan';
import { expect, test } from 'vitest';
import { checkParityCase, describeReport } from '../../moviegen/src/parity/parity.ts';
import { openWanTransformer, ParityWanTransformer } from '../../moviegen/src/parity/wan/transformer.ts';
import { files } from './fixtures.ts';

const device = await testDevice();
const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

test.each(types)('every tensor in %s', async (dtype) => {
  const fixture = await openWanTransformer(files, 'ti2v');
  const config = parseTransformerConfig(fixture.config);
  const source = await fixture.weights();
  const model = new ParityWanTransformer(
    device,
    await WanTransformer.load(device, source, config, { dtype }),
  );
  // Halves keep 11 bits: a few products in a row are wrong by some 1e-3, and the bound leaves room for other adapters.
  const report = await checkParityCase(model, fixture, 'transformer', dtype === 'f16' ? 1e-2 : 2e-4);
  expect(report.first && describeReport(report)).toBeUndefined();
  model.dispose();
});
