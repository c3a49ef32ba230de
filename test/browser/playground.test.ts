// The playground as a person uses it, in a real Chromium: a prompt becomes a video, which can be cancelled, kept,
// downloaded, linked and shown again without a network.

import { readFile } from 'node:fs/promises';
import { judge, parsePrompt } from '@moviegen/evaluation';
import { decodeVideo } from 'moviegen';
import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import {
  finished,
  framesOnStage,
  generate,
  note,
  noted,
  PATIENCE,
  PATIENT,
  servePlayground,
  TINY,
  tasksDuring,
} from './playground.ts';

vi.setConfig({ testTimeout: PATIENCE + 20_000 });

const prompt = 'a small blue circle moves right on a black background';
// The judge accepts eight steps as clearly as fifty.
const asked = { prompt, seed: 1, steps: 8 };

const { server, url, path } = await servePlayground();
const browser = await launchChromium(PATIENT);
const page = await openPage(browser, url, { expected: [/net::ERR_/] });

async function downloaded(
  from: Page,
  format: string,
): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const [download] = await Promise.all([
    from.waitForEvent('download'),
    from.getByRole('button', { name: `Download ${format}` }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: new Uint8Array(await readFile(await download.path())) };
}

test('the page has a strict policy, relative addresses, and nothing that axe-core finds serious', async () => {
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  expect(policy).toContain("default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(await page.title()).toBe('moviegen playground');
  expect(server.requests.every((request) => request.startsWith(path))).toBe(true);
  expect(await seriousAxeFaults(page)).toEqual([]);
});

test('a prompt becomes a video that shows what it says, and the page always responds', async () => {
  await note(page);
  const tasks = await tasksDuring(page, async () => {
    await generate(page, asked);
    await finished(page);
    await page.waitForTimeout(500);
  });
  const { phases, steps } = await noted(page);
  expect(phases).toEqual(['fetch', 'load', 'text', 'compile', 'sample', 'decode']);
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(tasks.length).toBeGreaterThan(100);
  const longest = tasks.reduce((a, b) => (a.worked > b.worked ? a : b));
  console.log(`${tasks.length} tasks of the page, the longest worked ${longest.worked.toFixed(1)} ms`);
  expect(longest.worked).toBeLessThan(50);

  const frame = () => page.locator('.stage canvas').getAttribute('data-frame');
  const first = await frame();
  await expect.poll(frame).not.toBe(first); // it plays by itself
  await page.getByRole('button', { name: 'Pause' }).click();
  const stopped = await frame();
  await page.waitForTimeout(300);
  expect(await frame()).toBe(stopped);

  expect(judge(await framesOnStage(page), parsePrompt(prompt))).toMatchObject({ right: true });
  expect(await seriousAxeFaults(page)).toEqual([]);
});

test('the downloads are the video', async () => {
  const shown = await framesOnStage(page);
  for (const format of ['mp4', 'gif']) {
    const { name, bytes } = await downloaded(page, format);
    expect(name).toBe(`a-small-blue-circle-moves-right-on-a-black-background-seed-1.${format}`);
    const video = await decodeVideo(bytes);
    expect(video).toMatchObject({ shape: shown.shape, fps: 16 });
    expect(judge(video, parsePrompt(prompt))).toMatchObject({ right: true });
  }
});

test('a link carries prompt and settings', async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByRole('button', { name: 'Link copied' }).waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toBe(page.url());
  const other = await page.context().newPage();
  await other.goto(`${url}#prompt=a+red+star&seed=7&steps=9&guidance=2.5&width=32&height=48&frames=8`);
  const held = (name: string) => other.locator(`#${name}`).inputValue();
  const values = await Promise.all(
    ['prompt', 'seed', 'steps', 'guidance', 'width', 'height', 'frames'].map(held),
  );
  expect(values).toEqual(['a red star', '7', '9', '2.5', '32', '48', '8']);
  await other.goto('about:blank');
  await other.goto(link);
  expect([await held('prompt'), await held('steps'), await held('seed')]).toEqual([prompt, '8', '1']);
  await other.close();
});

test('after a reload without a network, the video is still there and another can be made', async () => {
  const before = await framesOnStage(page);
  server.intercept = (_, response) => {
    response.destroy();
    return true;
  };
  const asked = server.requests.length;
  await page.reload();
  await page.locator('.player').waitFor();
  expect(await framesOnStage(page)).toEqual(before);
  expect(await page.locator('.past').allInnerTexts()).toEqual([expect.stringContaining('seed 1 · 8 steps')]);
  await generate(page, TINY);
  await finished(page);
  server.intercept = undefined;
  expect(server.requests.slice(asked).filter((request) => request.endsWith('.safetensors'))).toEqual([]);
  expect(await page.locator('.past').count()).toBe(2);

  // And back to the first video.
  await page.locator('.past', { hasText: prompt }).click();
  await expect.poll(() => page.locator('.stage canvas').getAttribute('width')).toBe('64');
  expect(await page.locator('#steps').inputValue()).toBe('8');
  await page.getByRole('button', { name: `Remove: ${TINY.prompt}` }).click();
  expect(await page.locator('.past').count()).toBe(1);
});

test('a generation is cancelled by keyboard, and axe-core finds nothing while it runs', async () => {
  await page.locator('#prompt').fill('a green square shrinks on a navy background');
  await page.locator('#steps').fill('50');
  await page.locator('#prompt').press('Enter');
  await page.locator('.stage canvas[data-step]').waitFor({ timeout: PATIENCE });
  expect(await seriousAxeFaults(page)).toEqual([]);
  const cancel = page.getByRole('button', { name: 'Cancel' });
  await cancel.focus();
  await page.keyboard.press('Enter');
  await page.getByText('Cancelled. Nothing of it was kept.').waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Generate');
  expect(await page.locator('.past').count()).toBe(1);
});

test('a setting that cannot be used is explained at its field', async () => {
  await page.locator('#width').fill('50');
  await page.getByRole('button', { name: 'Generate' }).click();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('width');
  expect(await page.locator('#width-wrong').textContent()).toBe('Width must be a multiple of 16: 48 or 64.');
  expect(await page.locator('.phases').count()).toBe(0);
  await page.locator('#width').fill('64');
});

test('kernels are timed and drawn under the roof, and the device is tested', async () => {
  await page.getByRole('tab', { name: 'Create' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByLabel('Only names with').first().fill('rmsNorm');
  await page.getByRole('button', { name: 'Run the bench' }).click();
  await page.getByText(/cases timed by/).waitFor({ timeout: PATIENCE });
  expect(await page.locator('.roofline circle').count()).toBeGreaterThan(0);
  expect(await page.locator('#view-kernels tbody tr').first().textContent()).toMatch(/^rmsNorm .*ms/);
  expect(await seriousAxeFaults(page)).toEqual([]);

  await page.getByRole('tab', { name: 'Device' }).click();
  await page.getByText('swiftshader', { exact: true }).waitFor();
  await page.locator('#self-test-filter').fill('softmax');
  await page.getByRole('button', { name: 'Run the self-test' }).click();
  await page.getByText(/All \d+ checks passed/).waitFor({ timeout: PATIENCE });
  expect(await page.locator('#view-device').textContent()).toContain('maxComputeWorkgroupSizeX');
  expect(await seriousAxeFaults(page)).toEqual([]);
});
