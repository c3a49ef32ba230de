// The transformer against diffusers', layer by layer, on every case of every folder of fixtures.

import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { checkParityCase, describeReport } from '../../moviegen/src/parity/parity.ts';
import { loadWanTransformer, openWanTransformer } from '../../moviegen/src/parity/wan/transformer.ts';
import { files } from './fixtures.ts';

const folders = await files.folders();
/** Sums in another order, through a few layers; the angles of the fastest times differ by 4e-5, since PyTorch rounds them. */
const BOUND = 2e-4;

test('fixtures are there', () => expect(folders.length).toBeGreaterThan(3));

test.each(folders)('%s: every tensor of every case', async (folder) => {
  const device = await testDevice();
  const fixture = await openWanTransformer(files, folder);
  const model = await loadWanTransformer(device, fixture);
  for (const name of fixture.cases) {
    const report = await checkParityCase(model, fixture, name, BOUND);
    if (process.env.WAN_FIXTURES) console.log(describeReport(report));
    expect.soft(report.first && describeReport(report)).toBeUndefined();
    expect.soft(report.unreported).toEqual([]);
    expect.soft(report.compared).toBeGreaterThan(2);
  }
  model.dispose();
});
