// The fixtures' folder for tests, and the check that all parity tests share.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Device } from '@moviegen/tensor';
import { expect, test } from 'vitest';
import {
  checkFixture,
  describeReport,
  type FixtureFiles,
  PARITY_BOUND,
  type ParityLoader,
} from '../../src/parity/parity.ts';

const root = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** packages/moviegen/fixtures */
export const fixtures: FixtureFiles = {
  folders: async () => (await readdir(root)).sort(),
  read: async (path) => new Uint8Array(await readFile(root + path)),
};

/**
 * A test of every case of a fixture, layer by layer. `fused` names, as `case/tensor`, what the model computes without
 * storing it.
 */
export function testParity(
  device: () => Promise<Device>,
  folder: string,
  load: ParityLoader,
  fused: RegExp = /$^/,
  bound: number = PARITY_BOUND,
): void {
  test(`${folder}: every tensor of every case within ${bound}`, async () => {
    for await (const report of checkFixture(await device(), fixtures, folder, load, bound)) {
      expect.soft(report.first && describeReport(report)).toBeUndefined();
      expect.soft(report.unreported.filter((name) => !fused.test(`${report.case}/${name}`))).toEqual([]);
      expect.soft(report.compared).toBeGreaterThan(0);
    }
  });
}
