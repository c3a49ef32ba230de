// Everything that the original libraries computed, in every folder of fixtures, against ours: text, transformers, autoencoders,
// schedulers, LoRAs, the layouts that people have. Pipelines are run by the package that has them.

import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import { describeReport } from '../../moviegen/src/parity/parity.ts';
import { wanChecks } from '../../moviegen/src/parity/wan/check.ts';
import { files, folders } from './fixtures.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));

const checks = await Promise.all(
  folders.map(async (folder) => {
    const found = await wanChecks(device, files, folder);
    return found.filter(({ name }) => !name.startsWith('pipeline')).map((check) => ({ folder, ...check }));
  }),
);
const kinds = ['schedules', 'outputs', 'tokens', 'text', 'transformer', 'vae', 'condition'];

test('cases of all kinds are there', () => {
  expect(new Set(checks.flat().map(({ name }) => name))).toEqual(new Set(kinds));
});

test.each(checks.flat())('$folder: $name', async ({ name, run }) => {
  let reports = 0;
  for await (const report of run()) {
    reports++;
    if (process.env.WAN_FIXTURES) console.log(describeReport(report));
    expect.soft(report.first && describeReport(report)).toBeUndefined();
    expect.soft(report.compared).toBeGreaterThan(0);
    if (['transformer', 'vae', 'text'].includes(name)) expect.soft(report.unreported).toEqual([]);
  }
  expect(reports).toBeGreaterThan(0);
});
