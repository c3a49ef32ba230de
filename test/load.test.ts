// The host memory that loading takes, measured in a separate process: from files and from an address, plain and
// converted.

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SafetensorsDType } from '@moviegen/safetensors';
import { served } from '@moviegen/testing/checkpoints';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeCheckpoint } from '../bench/src/load/checkpoint.ts';
import { temporaryFolder } from './cli.ts';

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, 'out', `load-${process.pid}`); // where node_modules can be found
const child = join(built, 'child.mjs');
const root = temporaryFolder();
const MIB = 2 ** 20;

beforeAll(async () => {
  const build = await rolldown({
    input: join(here, '../bench/src/load/child.ts'),
    platform: 'node',
    external: /^(webgpu|@sparticuz\/chromium|@mediabunny\/server)$/,
    resolve: { conditionNames: ['@moviegen/source', 'node', 'import'] },
  });
  await build.write({ file: child, format: 'esm', codeSplitting: false });
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

async function measured(place: string): Promise<{ host: number; deviceBytes: number }> {
  const running = spawn(process.execPath, ['--expose-gc', child, 'memory', place, '1', 'sums']);
  let [out, err] = ['', ''];
  running.stdout.on('data', (text) => (out += text));
  running.stderr.on('data', (text) => (err += text));
  const status = await new Promise((resolve) => running.on('close', resolve));
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out);
}

// Linux tells the host memory of a process.
test.each<[SafetensorsDType, boolean]>([
  ['F32', false],
  ['BF16', true],
])('%s, over http: %s: twice the largest tensor and 64 MiB at most', async (dtype, http) => {
  const folder = join(root, dtype);
  mkdirSync(folder);
  const tensorBytes = 16 * MIB;
  await writeCheckpoint(folder, { tensors: 8, tensorBytes, dtype, shards: 2 });
  const server = http ? await served(folder) : undefined;
  const { host, deviceBytes } = await measured(server?.url ?? folder);
  server?.close();
  expect(readdirSync(folder)).toHaveLength(4);
  expect(deviceBytes).toBeGreaterThanOrEqual(8 * tensorBytes * (dtype === 'F32' ? 1 : 2));
  expect(host / MIB).toBeLessThan((2 * tensorBytes) / MIB + 64);
  console.log(
    `${dtype}${http ? ' over http' : ''}: ${(host / MIB).toFixed(0)} MiB of host memory above idle`,
  );
});
