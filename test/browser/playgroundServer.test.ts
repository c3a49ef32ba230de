// The playground with a server that computes in place of the browser: the same controls, previews on the way, cancelling.

import { afterAll, expect, test, vi } from 'vitest';
import { testServer } from '../../packages/server/test/support/server.ts';
import { launchChromium } from './chromium.ts';
import { openPage } from './page.ts';
import { finished, framesOnStage, generate, PATIENCE, problemCode, servePlayground } from './playground.ts';

vi.setConfig({ testTimeout: PATIENCE });

const { url } = await servePlayground();
const remote = await testServer({ keys: undefined, limits: { work: 1e9 } });
afterAll(() => remote.close());
const browser = await launchChromium();
const page = await openPage(browser, `${url}?server=${remote.url}`, {
  expected: [/net::ERR_/, /^another origin: (GET|POST|DELETE) http:\/\/127\.0\.0\.1:\d+\/v1\//],
});
const asked = { prompt: 'slow', seed: 0xff0000, steps: 40, width: 32, height: 16, frames: 3 };

test('a prompt becomes a video on the server, with previews', async () => {
  expect(await page.locator('.stage').textContent()).toContain(`by the server at ${remote.url}`);
  await generate(page, asked);
  await page.locator('.preview').waitFor({ timeout: PATIENCE });
  await finished(page);
  const made = await framesOnStage(page);
  expect(made.shape).toEqual([3, 16, 32, 3]);
  expect([made.data[2]! > 200, made.data[0]! < 60]).toEqual([true, true]); // this seed is blue
  expect(remote.engine.made[0]!.request).toMatchObject({
    prompt: 'slow',
    seed: String(0xff0000),
    steps: 40,
    numFrames: 3,
  });
  await expect
    .poll(async () => (await remote.videos.list('anyone', { limit: 9, order: 'asc' }))!.length)
    .toBe(0);
});

test('cancelling stops the server, too', async () => {
  await generate(page, { ...asked, prompt: 'stuck' });
  await expect.poll(() => remote.engine.made.length, { timeout: PATIENCE }).toBe(2);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled. Nothing of it was kept.').waitFor({ timeout: PATIENCE });
  await expect
    .poll(async () => (await remote.videos.list('anyone', { limit: 9, order: 'asc' }))!.length)
    .toBe(0);
});

test('a server that refuses or is away is told in words', async () => {
  await generate(page, { ...asked, prompt: 'broken', steps: 2 });
  expect(await problemCode(page)).toBe('server');
  await remote.close();
  await generate(page, { ...asked, prompt: 'x' });
  await page.getByText('does not answer').waitFor({ timeout: PATIENCE });
});
