// The examples' pages: without a bundler, on an import map of the built files; a React page with a worker; the renderer of Electron.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TINY } from '@moviegen/testing/checkpoints';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { mainFiles } from '../../examples/electron/files.js';
import { temporaryFolder } from '../cli.ts';
import { bundle } from './bundle.ts';
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

test('react-worker: a video of a prompt, made in the worker of a built page', async () => {
  const folder = temporaryFolder();
  const { NODE_ENV, ...env } = process.env; // people do not build with a test's NODE_ENV
  const build = [
    'run',
    'build',
    '-w',
    'examples/react-worker',
    '--',
    '--outDir',
    folder,
    '--emptyOutDir',
    '--logLevel',
    'error',
  ];
  await promisify(execFile)('npm', build, { cwd: root, env });
  const server = await serve({ '/any/path/': folder, '/any/path/checkpoint/': TINY });
  const page = await openPage(await launchChromium(), `${server.origin}/any/path/`, {
    expected: [OPTIONAL_FILES],
  });
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByLabel('The video').waitFor({ timeout: 250_000 });
  expect(await framesSeen(page)).toBe(true);
  expect(await seriousAxeFaults(page)).toEqual([]);

  await page.getByLabel('Prompt').fill(' ');
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByRole('status').getByText('prompt').waitFor();
});

test('electron: the renderer makes a video of what the main process reads', async () => {
  const renderer = join(root, 'examples/electron/renderer');
  const { code } = await bundle(join(renderer, 'renderer.js'));
  const html = readFileSync(join(renderer, 'index.html'), 'utf8');
  const server = await serve({ '/': { 'index.html': html, 'renderer.js': code } });
  const kept = join(temporaryFolder(), 'video.mp4');
  const { size, read, save } = mainFiles(TINY, async () => kept);

  const page = await (await launchChromium()).newPage();
  // Playwright's bridge carries JSON, where Electron's carries bytes.
  await page.exposeFunction('sizeOf', size);
  await page.exposeFunction('readText', async (...args: Parameters<typeof read>) =>
    Buffer.from(await read(...args)).toString('base64'),
  );
  await page.exposeFunction('saveText', (text: string) => save(Buffer.from(text, 'base64')));
  await page.addInitScript(() => {
    // biome-ignore lint/suspicious/noExplicitAny: what playwright has put there
    const { sizeOf, readText, saveText } = globalThis as any;
    Object.assign(globalThis, {
      bridge: {
        size: async (...args: unknown[]) => (await sizeOf(...args)) ?? undefined,
        read: async (...args: unknown[]) =>
          Uint8Array.from(atob(await readText(...args)), (c) => c.charCodeAt(0)),
        save: (bytes: Uint8Array) =>
          saveText(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))),
      },
    });
  });
  await page.goto(server.origin);
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByText(`written to ${kept}`).waitFor({ timeout: 250_000 });
  expect(readFileSync(kept).toString('latin1', 4, 8)).toBe('ftyp');
});

/** Whether the page's video plays. */
const framesSeen = (page: Page): Promise<boolean> =>
  page.evaluate(async () => {
    const video = document.querySelector('video')!;
    if (video.readyState < 2) await new Promise((resolve) => video.addEventListener('loadeddata', resolve));
    return video.videoWidth > 0;
  });

function deviationOf(text: string): number {
  const found = /^latents \[1, 16, 2, 8, 8\] of deviation (\S+)$/m.exec(text);
  expect(found, text).not.toBeNull();
  return Number(found![1]);
}
