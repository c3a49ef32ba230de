// Wan's pipelines against diffusers': prompts and latents in, the video out, and every part of the way.

import { fileURLToPath } from 'node:url';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import { fixtureFiles } from '../src/node/inputs.ts';
import { describeReport } from '../src/parity/parity.ts';
import { wanChecks } from '../src/parity/wan/check.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));
const root = process.env.WAN_FIXTURES ?? fileURLToPath(new URL('../../wan/fixtures', import.meta.url));
const files = await fixtureFiles(root);

const runs = await Promise.all(
  files.wanFolders.map(async (folder) => {
    const found = await wanChecks(device, files, folder);
    return found.filter(({ name }) => name.startsWith('pipeline')).map((check) => ({ folder, ...check }));
  }),
);

test('runs of one and of two experts are there, and one from a picture', () => {
  const names = runs.flat().map(({ folder, name }) => `${folder}/${name}`);
  for (const name of ['t2v/pipeline', 'moe/pipeline', 'ti2v/pipeline-image']) expect(names).toContain(name);
});

test.each(runs.flat())('$folder: $name', async ({ run }) => {
  let compared = 0;
  for await (const report of run()) {
    expect.soft(report.first && describeReport(report)).toBeUndefined();
    compared += report.compared;
  }
  expect(compared).toBeGreaterThan(10);
});
