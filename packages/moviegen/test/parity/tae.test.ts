// The temporal autoencoder against PyTorch's, and inflated from an image autoencoder against diffusers', layer by layer.

import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { checkParityCase, describeReport, openFixture } from '../../src/parity/parity.ts';
import { loadAutoencoderKL, loadAutoencoderKLLayout, loadTAE } from '../../src/parity/tae.ts';
import { fixtures, testParity } from './fixtures.ts';

for (const folder of ['tae', 'tae-one-group']) testParity(testDevice, folder, loadTAE);
for (const folder of ['autoencoder-kl-4', 'autoencoder-kl-16'])
  testParity(testDevice, folder, loadAutoencoderKL);

test('autoencoder-kl-4: the spelling of older files', async () => {
  const fixture = await openFixture(fixtures, 'autoencoder-kl-4');
  expect(fixture.record.layouts).toEqual(['.', 'old-names']);
  const model = await loadAutoencoderKLLayout(await testDevice(), fixture, 'old-names');
  const report = await checkParityCase(model, fixture, 'batch');
  model.dispose();
  expect(report.first && describeReport(report)).toBeUndefined();
});
