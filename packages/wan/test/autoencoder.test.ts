// Wan's autoencoder against diffusers', layer by layer, as a whole and in pieces.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { describeReport } from '../../moviegen/src/parity/parity.ts';
import { checkWanAutoencoder } from '../../moviegen/src/parity/wan/autoencoder.ts';
import type { WanFixtureFiles } from '../../moviegen/src/parity/wan/files.ts';

const root = fileURLToPath(new URL('../fixtures/', import.meta.url));
const files: WanFixtureFiles = {
  list: (folder) => readdir(root + folder),
  read: async (path) => new Uint8Array(await readFile(root + path)),
};

test.each(['t2v', 'ti2v'])('%s: every tensor of every case', async (folder) => {
  let cases = 0;
  for await (const report of checkWanAutoencoder(await testDevice(), files, folder)) {
    cases++;
    expect.soft(report.first && describeReport(report)).toBeUndefined();
    expect.soft(report.unreported).toEqual([]);
  }
  expect(cases).toBeGreaterThanOrEqual(2);
});
