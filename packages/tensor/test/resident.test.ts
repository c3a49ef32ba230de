// Whether `device.memory()` tells the truth: on a software adapter buffers are memory of the process.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, expect, test } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, '..', 'out', `resident-${process.pid}`); // where node_modules can be found
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly told: number;
  readonly resident: number;
}

async function child(): Promise<
  Record<'before' | 'full' | 'pooled' | 'after', Told> & { software: boolean }
> {
  const file = join(folder, 'child.mjs');
  const bundle = await rolldown({
    input: join(here, 'residentChild.ts'),
    platform: 'node',
    external: [/^webgpu/, /^@sparticuz/],
    resolve: { conditionNames: ['@moviegen/source', 'node', 'import', 'default'] },
  });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, ['--expose-gc', file], { timeout: 60_000 });
    let [out, err] = ['', ''];
    started.stdout.on('data', (data) => (out += data));
    started.stderr.on('data', (data) => (err += data));
    started.on('error', reject);
    started.on('close', (status) =>
      status === 0 ? resolve(JSON.parse(out)) : reject(new Error(`child ended with ${status}: ${err}`)),
    );
  });
}

test('the process holds what the device tells', async () => {
  const { software, before, full, pooled, after } = await child();
  const grown = (state: Told) => ({
    told: state.told - before.told,
    resident: state.resident - before.resident,
  });
  expect(grown(full).told).toBe(228 * 2 ** 20);
  expect(grown(pooled).told).toBe(228 * 2 ** 20);
  expect(grown(after).told).toBe(0);
  // A GPU's buffers lie elsewhere.
  if (!software) return;
  // What the process has besides: staging of the driver, JavaScript's heap, and pages that neither gives back at once.
  const slack = 8 * 2 ** 20;
  for (const state of [full, pooled, after].map(grown))
    expect(Math.abs(state.resident - state.told)).toBeLessThan(slack);
});
