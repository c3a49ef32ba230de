// The jobs of the playground beyond text to video, as a person does them on a small seeded checkpoint: files are dropped and
// chosen, seen, used, and refused.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectFrames, decodeVideo, encodeVideo, type Frames, fitted, openVideo } from 'moviegen';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { expect, test, vi } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import {
  type Asked,
  finished,
  framesOnStage,
  generate,
  PATIENCE,
  PATIENT,
  problemCode,
  serveConditioned,
  servePlayground,
} from './playground.ts';

vi.setConfig({ testTimeout: PATIENCE + 20_000 });

const media = (name: string): string =>
  fileURLToPath(new URL(`../../packages/moviegen/test/media/${name}`, import.meta.url));
const film = media('steady.mp4');
const animation = media('slow-then-fast.gif');
const picture = media('turned.jpg');

const playground = await servePlayground();
serveConditioned(playground);
const browser = await launchChromium(PATIENT);
const page = await openPage(browser, playground.url);
const small = { steps: 2, width: 32, height: 16, frames: 9 };
const given = page.locator('.given');
const jobs = () => given.locator('.jobs label').allInnerTexts();

/** Makes a video with what is given. */
async function make(asked: Asked): Promise<Frames> {
  const past = await page.locator('.past').count();
  await generate(page, asked);
  await expect.poll(() => page.locator('.past').count(), { timeout: PATIENCE }).toBe(past + 1);
  await finished(page);
  return framesOnStage(page);
}

/** Drops a file onto the middle of the stage, as the system does. */
async function drop(on: Page, file: string): Promise<void> {
  await on.locator('.stage').evaluate((stage) => stage.scrollIntoView());
  const box = (await on.locator('.stage').boundingBox())!;
  const session = await on.context().newCDPSession(on);
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: box.x + box.width / 2, y: box.y + 50, data });
  await session.detach();
}

test('the page says what its model can do', async () => {
  await given.waitFor();
  expect(await given.textContent()).toContain(
    'This model can do text to video, video to video, image to video, last image to video, video inpainting, extending, editing.',
  );
});

test('with nothing typed, the example that stands in the box is made', async () => {
  const example = (await page.locator('#prompt').getAttribute('placeholder'))!;
  await generate(page, { prompt: '', ...small });
  await finished(page);
  expect(await page.locator('.caption .title').textContent()).toBe(example);
  expect(await page.locator('#prompt').inputValue()).toBe(example);
});

test('a dropped picture is seen, turned as it says, and becomes the first or the last frame', async () => {
  await drop(page, picture);
  await given.getByText('turned.jpg', { exact: true }).waitFor();
  expect(await jobs()).toEqual(['First frame', 'Last frame', 'Start from it']);
  expect(await seriousAxeFaults(page)).toEqual([]);
  await page.locator('#prompt').fill('');
  expect(await page.locator('#prompt').getAttribute('placeholder')).toBe('it moves left');
  const first = await make({ prompt: 'a star', ...small });
  expect(first.shape).toEqual([9, 16, 32, 3]);
  await given.getByLabel('Add a last frame').setInputFiles(animation);
  await given.locator('.more').getByText('slow-then-fast.gif').waitFor();
  const both = await make({ prompt: 'a star' });
  expect(both).not.toEqual(first);
  expect(await page.locator('.caption').textContent()).toContain(
    'first frame: turned.jpg, last frame: slow-then-fast.gif',
  );
  await given.getByLabel('Last frame', { exact: true }).check();
  expect(await make({ prompt: 'a star' })).not.toEqual(first);
  expect(await page.locator('.caption').textContent()).toContain('last frame: turned.jpg');
});

test('a dropped video is started from: the less is made anew, the more of it stays', async () => {
  await drop(page, film);
  await given.getByText('steady.mp4', { exact: true }).waitFor();
  expect(await jobs()).toEqual(['Start from it', 'Keep a part of it', 'Go on from it', 'Edit it']);
  await given.getByLabel('Start from it').check();
  await page.locator('#strength').fill('0.3');
  const little = await make({ prompt: 'a star', ...small, steps: 4 });
  expect(little.shape).toEqual([9, 16, 32, 3]);
  await page.locator('#strength').fill('1');
  expect(await make({ prompt: 'a star' })).not.toEqual(little);
  expect(await page.locator('.caption').textContent()).toContain('100% of steady.mp4 made anew');
});

test('a part of a video is kept, which a mask says; without one it is refused in words', async () => {
  await given.getByLabel('Keep a part of it').check();
  await generate(page, { prompt: 'a star', ...small });
  expect(await problemCode(page)).toBe('wrong-input');
  expect(await page.locator('.stage .own-words').textContent()).toMatch(/^there is no mask/);
  await given.getByLabel('Choose a mask').setInputFiles(picture);
  await given.locator('.more').getByText('turned.jpg').waitFor();
  expect((await make({ prompt: 'a star' })).shape).toEqual([9, 16, 32, 3]);
  expect(await page.locator('.caption').textContent()).toContain(
    'steady.mp4, of which turned.jpg keeps a part',
  );
  expect(await seriousAxeFaults(page)).toEqual([]);
});

test('a chosen video is edited, with a task that the model knows', async () => {
  await given.getByLabel('Choose another').setInputFiles(animation);
  await given.getByText('slow-then-fast.gif', { exact: true }).waitFor();
  await given.getByLabel('Edit it').check();
  expect(await page.locator('#task option').allInnerTexts()).toEqual(['any', 'add', 'recolour']);
  expect(await seriousAxeFaults(page)).toEqual([]);
  const any = await make({ prompt: 'make it blue', ...small });
  expect(any.shape).toEqual([9, 16, 32, 3]);
  await page.locator('#task').selectOption('recolour');
  expect(await make({ prompt: 'make it blue' })).not.toEqual(any);
  expect(await page.locator('.caption').textContent()).toContain('an edit (recolour) of slow-then-fast.gif');
});

test('before and after are compared with a slider', async () => {
  const after = await framesOnStage(page);
  const video = await decodeVideo(new Uint8Array(await readFile(animation)));
  const name = 'video';
  const before = await collectFrames(fitted(video, { name, width: 32, height: 16, fps: 12, numFrames: 9 }));
  const slider = page.getByLabel('Before');
  await slider.fill('1');
  expect((await framesOnStage(page)).data).toEqual(before.data);
  await slider.fill('0.5');
  expect(await slider.getAttribute('aria-valuetext')).toBe('50% before, the rest after');
  const mixed = (await framesOnStage(page)).data;
  const row = 32 * 3;
  expect(mixed.subarray(0, row / 2)).toEqual(before.data.subarray(0, row / 2));
  expect(mixed.subarray(row / 2, row)).toEqual(after.data.subarray(row / 2, row));
  await slider.fill('0');
  expect(await seriousAxeFaults(page)).toEqual([]);
});

test('a result is sent on, and what follows it is made', async () => {
  const before = await framesOnStage(page);
  await page.getByRole('button', { name: 'Edit this' }).click();
  expect(await page.locator('#prompt').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Extend this' }).click();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('prompt');
  expect(await given.locator('.words').textContent()).toBe('make it blue');
  expect(await given.getByLabel('Go on from it').isChecked()).toBe(true);
  const longer = await make({ prompt: 'a star', frames: 4 });
  expect(longer.shape).toEqual([13, 16, 32, 3]);
  expect(longer.data.subarray(0, before.data.length)).toEqual(before.data);

  // All of it is there after a reload, too.
  await page.reload();
  await page.locator('.caption').getByText('goes on from make it blue').waitFor();
  await page.locator('.past', { hasText: 'make it blue' }).first().click();
  await page.getByLabel('Before').waitFor();
  expect(await framesOnStage(page)).toEqual(before);
});

test('every format that people have is read when it is dropped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-dropped-'));
  const { data, shape } = await collectFrames(await openVideo(readFileSync(picture)));
  const [, height, width] = shape;
  const still = sharp(data, { raw: { width, height, channels: 3 } });
  const clip = { ...(await collectFrames(await openVideo(readFileSync(animation)))), fps: 12 };
  const mp4 = readFileSync(film);
  const made = {
    'a.png': await still.png().toBuffer(),
    'a.jpg': readFileSync(picture),
    'a.webp': await still.webp().toBuffer(),
    'a.avif': await still.avif().toBuffer(),
    'a.gif': readFileSync(animation),
    'a.mp4': mp4,
    'a.webm': await encodeVideo(clip, { format: 'webm' }),
    'a.mov': Buffer.concat([mp4.subarray(0, 8), Buffer.from('qt  '), mp4.subarray(12)]),
  };
  for (const [name, bytes] of Object.entries(made)) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    await drop(page, path);
    await given.locator('.words').getByText(name, { exact: true }).or(given.locator('.problem')).waitFor();
    expect(await given.locator('.problem').allInnerTexts(), name).toEqual([]);
    const isStill = /png|jpg|webp|avif/.test(name);
    expect(await jobs(), name).toContain(isStill ? 'First frame' : 'Go on from it');
    expect(await given.locator('.what .small').first().textContent(), name).toMatch(
      isStill ? /^\d+ × \d+$/ : /^\d+ × \d+ · \d+ frames/,
    );
  }
  rmSync(folder, { recursive: true });
});

test('a file that cannot be read is told in words, and what was there stays', async () => {
  await drop(page, animation);
  await given.getByText('slow-then-fast.gif', { exact: true }).waitFor();
  await drop(page, fileURLToPath(import.meta.url));
  const problem = given.locator('.problem');
  await problem.waitFor();
  expect(await problem.getAttribute('data-code')).toBe('wrong-file');
  expect(await problem.locator('.own-words').textContent()).toMatch(
    /^playgroundJobs\.test\.ts: this is a text file/,
  );
  expect(await given.locator('.words').textContent()).toBe('slow-then-fast.gif');
  await given.getByRole('button', { name: 'Leave it out' }).press('Enter');
  expect(await given.locator('.source, .problem').count()).toBe(0);
  expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).type)).toBe('file');
});
