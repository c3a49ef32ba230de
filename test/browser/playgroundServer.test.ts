// The playground with a server that computes in place of the browser: the same controls, previews on the way, cancelling.

import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { KEYS, testServer } from '../../packages/server/test/support/server.ts';
import { launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import { finished, framesOnStage, generate, PATIENCE, problemCode, servePlayground } from './playground.ts';

vi.setConfig({ testTimeout: PATIENCE });

const picture = fileURLToPath(new URL('../../packages/moviegen/test/media/turned.jpg', import.meta.url));
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

test('a picture goes to the server as the first frame, and the result back to be edited and gone on from', async () => {
  const given = page.locator('.given');
  const job = () => remote.engine.made.at(-1)!.request;
  await given.locator('input[type=file]').first().setInputFiles(picture);
  await given.getByText('turned.jpg', { exact: true }).waitFor();
  await make({ ...asked, prompt: 'it moves left', steps: 2 });
  expect(job()).toMatchObject({ kind: 'image', width: 32, height: 16, numFrames: 3, seed: String(0xff0000) });
  expect(remote.engine.read.at(-1)).toBe((await stat(picture)).size);
  await page.getByRole('button', { name: 'Edit this' }).click();
  await make({ prompt: 'make it blue', steps: 2 });
  expect(job()).toMatchObject({ kind: 'edit', prompt: 'make it blue', width: 32, height: 16, numFrames: 3 });
  await page.getByRole('button', { name: 'Extend this' }).click();
  await make({ prompt: 'it moves on', steps: 2, frames: 5 });
  expect(job()).toMatchObject({ kind: 'extend', numFrames: 5, totalFrames: 8 });
  expect((await framesOnStage(page)).shape).toEqual([8, 16, 32, 3]);
  await given.getByRole('button', { name: 'Leave it out' }).click();
});

test('a picture is a reference, sent once as a character, and a result is made larger beside what it was', async () => {
  const given = page.locator('.given');
  const job = () => remote.engine.made.at(-1)!.request;
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') sent.push(new URL(request.url()).pathname);
  });
  await given.locator('input[type=file]').first().setInputFiles(picture);
  await given.getByLabel('Reference picture').check();
  expect(await page.locator('.advanced, .lora').count()).toBe(0); // the API has none of them
  expect(await given.getByLabel('Guidance by it').count()).toBe(0);
  await make({ ...asked, prompt: 'it moves left', steps: 2 });
  expect(job()).toMatchObject({ kind: 'reference', width: 32, height: 16, numFrames: 3 });
  expect(remote.engine.read.at(-1)).toBe((await stat(picture)).size);
  await make({ ...asked, prompt: 'it moves right', steps: 2 });
  expect(job()).toMatchObject({ kind: 'reference', prompt: 'it moves right' });
  expect(sent).toEqual(['/v1/videos/characters', '/v1/videos', '/v1/videos']);
  expect(await page.locator('.caption').textContent()).toContain('reference picture: turned.jpg');

  await page.getByRole('button', { name: 'Upscale this' }).click();
  await page.locator('#scale').fill('3');
  await given.getByText('96 × 48 pixels').waitFor();
  const before = remote.engine.made.length;
  await page.getByRole('button', { name: 'Upscale', exact: true }).click();
  await expect.poll(() => remote.engine.made.length, { timeout: PATIENCE }).toBe(before + 1);
  await finished(page);
  expect(job()).toMatchObject({ kind: 'upscale', width: 96, height: 48, steps: 3, guidanceScale: 1 });
  expect((await framesOnStage(page)).shape).toEqual([3, 48, 96, 3]);
  await page.getByLabel('Before').waitFor();
  await given.getByRole('button', { name: 'Leave it out' }).click();
});

/** Makes a video, and waits for it. */
async function make(what: Parameters<typeof generate>[1]): Promise<void> {
  const before = remote.engine.made.length;
  await generate(page, what);
  await expect.poll(() => remote.engine.made.length, { timeout: PATIENCE }).toBe(before + 1);
  await finished(page);
}

test('cancelling stops the server, too', async () => {
  const before = remote.engine.made.length;
  await generate(page, { ...asked, prompt: 'stuck' });
  await expect.poll(() => remote.engine.made.length, { timeout: PATIENCE }).toBe(before + 1);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled. Nothing of it was kept.').waitFor({ timeout: PATIENCE });
  await expect
    .poll(async () => (await remote.videos.list('anyone', { limit: 9, order: 'asc' }))!.length)
    .toBe(0);
});

test('a server that asks for a key gets the one that is typed, which is nowhere else', async () => {
  const locked = await testServer({ keys: KEYS, limits: { work: 1e9 } });
  const other = await openPage(browser, `${url}?server=${locked.url}`, {
    expected: [/status of 401/, /^another origin: (GET|POST|DELETE) http:\/\/127\.0\.0\.1:\d+\/v1\//],
  });
  expect(await problemCode(other)).toBe('key');
  await other.getByLabel('API key').fill(KEYS[0]!);
  await other.getByLabel('API key').press('Enter');
  await other.locator('.empty').waitFor();
  await generate(other, { ...asked, prompt: 'quick', steps: 2 });
  await finished(other);
  expect(locked.engine.made).toHaveLength(1);
  expect(other.url()).not.toContain(KEYS[0]!);
  const kept = await other.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
  expect(kept).not.toContain(KEYS[0]!);
  expect(await seriousAxeFaults(other)).toEqual([]);
  await other.context().close();
  await locked.close();
});

test('a server that refuses or is away is told in words', async () => {
  await generate(page, { ...asked, prompt: 'broken', steps: 2 });
  expect(await problemCode(page)).toBe('server');
  await remote.close();
  await generate(page, { ...asked, prompt: 'x' });
  await page.getByText('does not answer').waitFor({ timeout: PATIENCE });
});
