// The temporal autoencoder against PyTorch's, and inflated from an image autoencoder against diffusers', layer by layer.

import { expect, test } from 'vitest';
import { loadAutoencoderKL, loadAutoencoderKLLayout, loadTAE } from '../../moviegen/src/parity/tae.ts';
import { checkCase, describeReport, openFixture } from '../../moviegen/src/parity.ts';
import { fixtures, testParity } from '../../moviegen/test/fixtures.ts';
import { testDevice } from '../../tensor/test/device.ts';

for (const folder of ['tae', 'tae-one-group']) testParity(testDevice, folder, loadTAE);
for (const folder of ['autoencoder-kl-4', 'autoencoder-kl-16'])
  testParity(testDevice, folder, loadAutoencoderKL);

test('autoencoder-kl-4: the spelling of older files', async () => {
  const fixture = await openFixture(fixtures, 'autoencoder-kl-4');
  expect(fixture.record.layouts).toEqual(['.', 'old-names']);
  const model = await loadAutoencoderKLLayout(await testDevice(), fixture, 'old-names');
  const report = await checkCase(model, fixture, 'batch');
  model.dispose();
  expect(report.first && describeReport(report)).toBeUndefined();
});
