// The temporal autoencoder against PyTorch's, and inflated from an image autoencoder against diffusers', layer by layer.

import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { checkCase, describeReport, openFixture } from '../../src/parity/parity.ts';
import { loadAutoencoderKL, loadAutoencoderKLLayout, loadTAE } from '../../src/parity/tae.ts';
import { fixtures, testParity } from './fixtures.ts';

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

test('tae: both convolutions of a pair in one kernel', async () => {
  // A table that says so of every class.
  const sizes = (most: number) => Array.from({ length: most + 1 }, (_, i) => i);
  const classes = sizes(8).flatMap((positions) =>
    sizes(4).flatMap((frames) => sizes(4).flatMap((O) => sizes(4).map((C) => [positions, frames, O, C]))),
  );
  const table = Object.fromEntries(
    classes.map((one) => [`convSpatioTemporal f32 ${one.join(' ')}`, 'fused shared 4']),
  );
  let fused = 0;
  const device = await openDevice({
    tuneStore: { load: async () => table, save: async () => {} },
    onDispatch: ({ label }) => {
      if (label.startsWith('convSpatioTemporal')) fused++;
    },
  });
  const fixture = await openFixture(fixtures, 'tae');
  const model = await loadTAE(device, fixture);
  for (const name of ['encode-9', 'decode-9']) {
    fused = 0;
    const report = await checkCase(model, fixture, name);
    expect(report.first && describeReport(report)).toBeUndefined();
    expect(fused).toBeGreaterThan(15);
  }
  model.dispose();
  device.destroy();
});
