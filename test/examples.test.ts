// Runs the examples in Node, as a reader does. test/browser runs them in a page.

import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../examples/node.js', import.meta.url));
const node = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args]);

test('dit and sampler on their own make latents', async () => {
  const { stdout } = await node();
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(11);
  expect(lines[9]).toBe('step 10 of 10: t = 1.000');
  const deviation = Number(/^latents \[1, 16, 2, 8, 8\] of deviation (\S+)$/.exec(lines[10]!)?.[1]);
  expect(deviation).toBeGreaterThan(0.5); // latents have a standard deviation of about 1
  expect(deviation).toBeLessThan(1.5);
});

test('a folder without a transformer', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'moviegen-test-'));
  await expect(node(empty)).rejects.toThrow('there is no config.json: give the folder of a transformer');
});
