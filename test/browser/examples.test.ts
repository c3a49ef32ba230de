// The example's page, without a bundler, on an import map of the built files. It prints the same as in Node.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { OPTIONAL_FILES, openPage, seriousAxeFaults } from './page.ts';
import { serve } from './server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('dit and sampler on their own make the same latents as in Node', async () => {
  const server = await serve({ '/any/path/': root });
  const page = await openPage(await launchChromium(), `${server.origin}/any/path/examples/`, {
    expected: [OPTIONAL_FILES],
  });
  const log = page.getByRole('log');
  await log.getByText('of deviation').waitFor({ timeout: 250_000 });
  const { stdout } = await promisify(execFile)(process.execPath, [`${root}/examples/node.js`]);
  expect(deviationOf((await log.textContent()) ?? '')).toBeCloseTo(deviationOf(stdout), 3);
  expect(await seriousAxeFaults(page)).toEqual([]);

  // Nothing was bundled: every module came from its package's build, and none of them needs Node.
  const modules = server.requests.filter((path) => path.endsWith('.js'));
  const folders = modules.map((path) => /^\/any\/path\/(examples|packages\/\w+\/dist)\//.exec(path)?.[1]);
  const packages = ['dit', 'kernels', 'safetensors', 'sampler', 'tensor'];
  expect(new Set(folders)).toEqual(new Set(['examples', ...packages.map((name) => `packages/${name}/dist`)]));
  expect(modules.filter((path) => path.includes('/node/'))).toEqual([]);
});

function deviationOf(text: string): number {
  const found = /^latents \[1, 16, 2, 8, 8\] of deviation (\S+)$/m.exec(text);
  expect(found, text).not.toBeNull();
  return Number(found![1]);
}
