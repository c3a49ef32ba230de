// Errors in the playground. Each cause is provoked; the page must say what happened and what to do and, if possible,
// work on without a reload.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { chromiumPath, launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import { finished, generate, PATIENCE, PATIENT, problemCode, servePlayground, TINY } from './playground.ts';

vi.setConfig({ testTimeout: PATIENCE + 20_000 });

const { server, url, path, folder } = await servePlayground();
const browser = await launchChromium(PATIENT, '--host-resolver-rules=MAP moviegen.test 127.0.0.1');
afterEach(() => {
  server.intercept = undefined;
});

const again = (page: Page) => page.locator('.stage').getByRole('button', { name: 'Try again' });
const title = (page: Page) => page.locator('.stage .problem h2').textContent();
const ownWords = (page: Page) => page.locator('.stage .own-words').textContent();

/** Answers requests with other bytes if their path contains a text. */
function replace(part: string, status: number, text = ''): void {
  server.intercept = (asked, response) => {
    if (!asked.includes(part)) return false;
    response.writeHead(status, { 'content-type': 'text/javascript' }).end(text);
    return true;
  };
}

test('a model that cannot be fetched, and a second try that keeps the files that had arrived', async () => {
  const page = await openPage(browser, url, { expected: [/status of 503/] });
  replace('/transformer/', 503);
  await generate(page, TINY);
  expect(await problemCode(page)).toBe('checkpoint-unreachable');
  expect(await title(page)).toBe('The model could not be fetched');
  expect(await ownWords(page)).toMatch(/transformer\/.*: the server says 503/);
  expect(await seriousAxeFaults(page)).toEqual([]);

  server.intercept = undefined;
  const before = server.requests.length;
  await again(page).click();
  await page.locator('[data-phase=text].running').waitFor({ timeout: PATIENCE });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled.').waitFor();
  const fetched = server.requests.slice(before);
  expect(fetched).toContainEqual(expect.stringMatching(/checkpoint\/transformer\/.*safetensors$/));
  expect(fetched).not.toContain(`${path}checkpoint/tae/model.safetensors`);
  await page.context().close();
});

test('a transfer that broke off goes on where it was after a reload', async () => {
  const page = await openPage(browser, url, { expected: [/ERR_|status of/] });
  const file = 'checkpoint/tae/model.safetensors';
  const bytes = readFileSync(join(folder, file));
  const half = bytes.length >> 1;
  server.intercept = (asked, response, { method }) => {
    if (!asked.endsWith(file) || method === 'HEAD') return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, half), () => setTimeout(() => response.destroy(), 200));
    return true;
  };
  await generate(page, TINY);
  expect(await problemCode(page)).toBe('checkpoint-unreachable');
  expect(await ownWords(page)).toContain('the transfer broke off');

  const ranges: (string | undefined)[] = [];
  server.intercept = (asked, _, { method, headers }) => {
    if (asked.endsWith(file) && method !== 'HEAD') ranges.push(headers.range);
    return false;
  };
  await page.reload();
  await generate(page, TINY);
  await page.locator('[data-phase=text].running').waitFor({ timeout: PATIENCE }); // its checksum was right
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled.').waitFor();
  expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]); // a browser that is busy may drop the last bytes
  await page.context().close();
});

test('after a failure, the form is still checked and a past video can be looked at', async () => {
  const page = await openPage(browser, url, { expected: [/status of 503/] });
  await generate(page, TINY);
  await finished(page);
  await page.reload();
  await page.locator('.player').waitFor();
  await page.evaluate(async () => {
    const kept = (await navigator.storage.getDirectory()) as unknown as {
      keys(): AsyncIterable<string>;
      removeEntry(name: string, options: { recursive: boolean }): Promise<void>;
    };
    for await (const name of kept.keys()) await kept.removeEntry(name, { recursive: true });
  });
  replace('/transformer/', 503);
  await generate(page, TINY);
  expect(await problemCode(page)).toBe('checkpoint-unreachable');
  await page.locator('#steps').fill('');
  await again(page).click();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('steps');
  await page.locator('.past').click();
  await page.locator('.player').waitFor();
  expect(await page.locator('.stage .problem').count()).toBe(0);
  await page.locator('.remove').press('Enter');
  await page.locator('.past').waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.id === 'prompt'); // once it is drawn
  await page.context().close();
});

test('a generation that waits for the bench says so and is cancelled at once; focus and announcements stay', async () => {
  const page = await openPage(browser, url);
  await page.getByRole('tab', { name: 'Kernels' }).click();
  await page.getByRole('button', { name: 'Run the bench' }).press('Enter');
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  const focused = (text: string) =>
    page.waitForFunction((on) => document.activeElement?.textContent === on, text);
  await focused('Stop');
  await page.getByRole('tab', { name: 'Create' }).click();
  await generate(page, TINY);
  await page.getByText('Waits for the device').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled. Nothing of it was kept.').waitFor({ timeout: 5000 });
  await page.getByRole('tab', { name: 'Kernels' }).click();
  expect(await page.getByRole('status').filter({ hasText: 'No video was made.' }).count()).toBe(1); // not hidden
  await page.getByRole('button', { name: 'Stop' }).press('Enter');
  await page.getByRole('button', { name: 'Run the bench' }).waitFor({ timeout: PATIENCE });
  await focused('Run the bench');
  await page.context().close();
});

test('a model that arrives damaged is not kept', async () => {
  const page = await openPage(browser, url);
  replace('tae/config.json', 200, '{"a": 1}');
  await generate(page, TINY);
  expect(await problemCode(page)).toBe('checkpoint-damaged');
  expect(await ownWords(page)).toMatch(
    /^checkpoint\/tae\/config.json: its SHA-256 is not [0-9a-f]{64}, twice$/,
  );
  await page.context().close();
});

test('full storage: the video is made but not kept', async () => {
  const page = await openPage(browser, url);
  await page.locator('.empty').waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 1 });
  await generate(page, TINY);
  await finished(page);
  expect(await page.locator('.notice').textContent()).toContain('does not fit into this browser’s storage');
  const problem = page.locator('.problem');
  await problem.waitFor();
  expect(await problem.getAttribute('data-code')).toBe('storage-full');
  expect(await page.locator('.past').count()).toBe(1);
  expect(await seriousAxeFaults(page)).toEqual([]);
  await page.context().close();
});

test('a lost device: the next try opens another', async () => {
  const page = await openPage(browser, url);
  await generate(page, { ...TINY, steps: 250 });
  await page.locator('.stage canvas[data-step]').waitFor({ timeout: PATIENCE });
  const session = await browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess').catch(() => {}); // nothing is left that could answer
  expect(await problemCode(page)).toBe('device-lost');
  expect(await title(page)).toBe('The graphics device was lost');
  await page.locator('#steps').fill('2');
  await again(page).click();
  await finished(page);
  await page.context().close();
});

test('a worker that cannot start, and a second start that works', async () => {
  replace('/assets/worker-', 404);
  const page = await openPage(browser, url, { expected: [/status of 404 .*worker/] });
  expect(await problemCode(page)).toBe('internal');
  expect(await ownWords(page)).toBe('the worker failed (it could not be started)');
  server.intercept = undefined;
  await again(page).click();
  await page.locator('.empty').waitFor();
  await page.context().close();
});

test('no WebGPU', async () => {
  const worker = readdirSync(join(folder, 'assets')).find((name) => name.startsWith('worker-'))!;
  const code = readFileSync(join(folder, 'assets', worker), 'utf8');
  replace(worker, 200, `delete WorkerNavigator.prototype.gpu;\n${code}`);
  const page = await openPage(browser, url);
  expect(await problemCode(page)).toBe('no-webgpu');
  expect(await title(page)).toBe('This browser has no WebGPU');
  expect(await seriousAxeFaults(page)).toEqual([]);
  await page.context().close();
});

test('an address that is not secure', async () => {
  const page = await openPage(browser, url.replace('127.0.0.1', 'moviegen.test'));
  expect(await problemCode(page)).toBe('insecure');
  expect(await page.locator('.stage .problem').textContent()).toContain('Open the page over https');
  await page.context().close();
});

test('no adapter', async () => {
  const args = ['--headless=new', '--no-sandbox', '--no-first-run', '--disable-background-networking'];
  const plain = await chromium.launch({ executablePath: chromiumPath(), headless: false, args });
  afterAll(() => plain.close());
  const page = await openPage(plain, url);
  expect(await problemCode(page)).toBe('no-adapter');
  expect(await title(page)).toBe('No graphics adapter can be used');
  await again(page).click();
  expect(await problemCode(page)).toBe('no-adapter');
});
