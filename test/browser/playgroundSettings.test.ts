// Settings that few people change, as a person finds them on the page: the step cache, where guidance is computed, memory, LoRAs,
// guidance by a reference picture. The frames are those that Node makes of the same options.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDevice } from '@moviegen/tensor/node';
import {
  encodePng,
  type Frames,
  type FromPretrainedOptions,
  type GenerateOptions,
  openVideo,
  VideoPipeline,
} from 'moviegen';
import { afterAll, expect, test, vi } from 'vitest';
import { launchChromium } from './chromium.ts';
import { OPTIONAL_FILES, openPage, seriousAxeFaults } from './page.ts';
import {
  decibels,
  finished,
  framesOnStage,
  generate,
  PATIENCE,
  PATIENT,
  problemCode,
  referenceModel,
  servePlayground,
} from './playground.ts';

vi.setConfig({ testTimeout: 2 * PATIENCE });

const fixtures = fileURLToPath(new URL('../../packages/', import.meta.url));
const WAN = join(fixtures, 'wan/fixtures/t2v');
const LORA = join(fixtures, 'wan/fixtures/lora/kohya.safetensors');
const OTHER = join(fixtures, 'moviegen/fixtures/lora/pytorch_lora_weights.safetensors');
const work = mkdtempSync(join(tmpdir(), 'moviegen-settings-'));
const REFERENCE = referenceModel(join(work, 'reference'));
const EXPERTS = join(work, 'experts');
for (const folder of [WAN, join(fixtures, 'wan/fixtures/moe')]) cpSync(folder, EXPERTS, { recursive: true });
const { url } = await servePlayground({ '/wan/': WAN, '/reference/': REFERENCE, '/experts/': EXPERTS });
const device = await openDevice({ adapter: 'swiftshader' });
afterAll(() => {
  device.destroy();
  rmSync(work, { recursive: true });
});
const browser = await launchChromium(PATIENT);
const expected = [OPTIONAL_FILES, /ERR_|status of 404/];
const page = await openPage(browser, `${url}?model=/wan/`, { expected });
const model = page.locator('.model');
const summary = model.locator('summary');
const asked = { prompt: 'a cat', steps: 4, width: 32, height: 32, frames: 5 };
const own = (words: string) => page.locator('.stage .own-words', { hasText: words });

/** What Node makes of the same. */
async function inNode(
  folder: string,
  options: GenerateOptions = {},
  loading: FromPretrainedOptions = {},
): Promise<Frames> {
  const pipeline = await VideoPipeline.fromPretrained(folder, { device, ...loading });
  const { prompt, steps, width, height, frames: numFrames } = asked;
  const { frames } = await pipeline.generate(prompt, {
    seed: 1,
    steps,
    width,
    height,
    numFrames,
    ...options,
  });
  pipeline.dispose();
  return frames;
}

/** Makes a video, and waits for it. */
async function make(): Promise<Frames> {
  const past = await page.locator('.past').count();
  await generate(page, asked);
  await expect.poll(() => page.locator('.past').count(), { timeout: PATIENCE }).toBe(past + 1);
  await finished(page);
  return framesOnStage(page);
}

test('a step cache and a part of guidance are chosen, explained, checked and in the link', async () => {
  await summary.getByText(/Wan 2\.1/).waitFor();
  await page.getByText('More settings').click();
  expect(await page.locator('.advanced .about').allInnerTexts()).toEqual([
    expect.stringContaining('0.1 is usual, 0 is off'),
    expect.stringContaining('without guidance'),
    expect.stringContaining('without guidance'),
  ]);
  expect(await seriousAxeFaults(page)).toEqual([]);
  const plain = await make();
  expect(decibels(plain, await inNode(WAN))).toBeGreaterThan(50);
  await page.getByLabel('Guidance from, %').fill('60');
  await page.getByLabel('Guidance to, %').fill('50');
  await page.getByText('More settings').click();
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
  await page.getByText('Guidance from, % must be from 0 to 49.').waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('guidanceFrom');
  await page.getByLabel('Guidance from, %').fill('25');
  await page.getByLabel('Step cache').fill('0.5');
  const made = await make();
  const options = { cache: 0.5, guidanceInterval: [0.25, 0.5] } as const;
  expect(decibels(made, await inNode(WAN, options))).toBeGreaterThan(50);
  expect(made).not.toEqual(plain);
  await page.getByText(/^\d\d% of the model’s blocks computed$/).waitFor();
  const linked = new URLSearchParams(new URL(page.url()).hash.slice(1));
  expect(['cache', 'guidanceFrom', 'guidanceTo'].map((name) => linked.get(name))).toEqual([
    '0.5',
    '25',
    '50',
  ]);

  await page.reload();
  await summary.getByText(/Wan 2\.1/).waitFor();
  await page.getByText('More settings').click();
  await expect.poll(() => page.getByLabel('Step cache').inputValue()).toBe('0.5');
  for (const [label, value] of Object.entries({
    'Step cache': '0',
    'Guidance from, %': '0',
    'Guidance to, %': '100',
  }))
    await page.getByLabel(label).fill(value);
});

test('a LoRA is given with a scale; one that does not fit is refused, and nothing is lost', async () => {
  await summary.click();
  await model.getByLabel('Add a LoRA').setInputFiles(LORA);
  await summary.getByText('kohya.safetensors').waitFor();
  await model.getByLabel('Scale').fill('0.5');
  expect(await seriousAxeFaults(page)).toEqual([]);
  const made = await make();
  const loras = [{ source: LORA, weight: 0.5 }];
  expect(decibels(made, await inNode(WAN, {}, { loras }))).toBeGreaterThan(50);
  expect(decibels(made, await inNode(WAN))).toBeLessThan(45);
  await page.getByText('LoRA kohya.safetensors, scale 0.5', { exact: true }).waitFor();

  const text = join(work, 'notes.safetensors');
  writeFileSync(text, 'nothing of the kind');
  await model.getByLabel('Add a LoRA').setInputFiles(text);
  await model.locator('.problem[data-code=lora]').waitFor();
  expect(await model.locator('.problem .own-words').textContent()).toContain('notes.safetensors');
  await model.getByLabel('Add a LoRA').setInputFiles(OTHER);
  await summary.getByText('pytorch_lora_weights.safetensors').waitFor();
  expect(await model.locator('.problem').count()).toBe(0);
  await generate(page, asked);
  expect(await problemCode(page)).toBe('lora');
  await own('pytorch_lora_weights.safetensors: this LoRA does not fit the model').waitFor();
  await model.getByRole('button', { name: 'Leave pytorch_lora_weights.safetensors out' }).click();
  expect(await make()).toEqual(made);
  await model.getByRole('button', { name: 'Leave kohya.safetensors out' }).click();
  expect(await model.locator('.lora').count()).toBe(0);
});

test('memory bounds the weights, and the video stays the same; too little is refused with the least', async () => {
  const plain = await inNode(WAN);
  if (!(await model.getByLabel('Memory, GiB').isVisible())) await summary.click();
  await model.getByLabel('Memory, GiB').fill('0.000001');
  await generate(page, asked);
  expect(await problemCode(page)).toBe('wrong-input');
  const said = (await own('too small for one layer').textContent())!;
  const least = Number(/give at least (\d+) KiB/.exec(said)?.[1]) * 1024;
  expect(least).toBeGreaterThan(1000);
  await model.getByLabel('Memory, GiB').fill(String(least / 2 ** 30));
  expect(decibels(await make(), plain)).toBeGreaterThan(50);
  expect(Number(new URL(page.url()).searchParams.get('memory'))).toBeGreaterThan(0);
  await page.reload();
  await summary.click();
  expect(Number(await model.getByLabel('Memory, GiB').inputValue())).toBeCloseTo(least / 2 ** 30, 9);
  await page.context().close();
});

test('of two experts, a LoRA is for the one that a person says', async () => {
  const other = await openPage(browser, `${url}?model=/experts/`, { expected });
  const models = other.locator('.model');
  await models
    .locator('summary')
    .getByText(/Wan 2\.2/)
    .waitFor();
  await models.locator('summary').click();
  const source = join(fixtures, 'wan/fixtures/moe/lora/comfy-low.safetensors');
  await models.getByLabel('Add a LoRA').setInputFiles(source);
  await models.getByLabel('For the expert for low noise').check();
  expect(await seriousAxeFaults(other)).toEqual([]);
  await generate(other, asked);
  await finished(other);
  const made = await framesOnStage(other);
  expect(decibels(made, await inNode(EXPERTS, {}, { loras2: [{ source }] }))).toBeGreaterThan(50);
  expect(decibels(made, await inNode(EXPERTS, {}, { loras: [{ source }] }))).toBeLessThan(45);
  await other.context().close();
});

test('a reference picture has guidance of its own', async () => {
  const other = await openPage(browser, `${url}?model=/reference/`, { expected });
  const path = join(work, 'grey.png');
  const data = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i < 1536 ? 0 : 120));
  writeFileSync(path, encodePng({ data, shape: [1, 32, 32, 3] }));
  const given = other.locator('.given');
  await given.getByText('or as a reference picture').waitFor();
  await given.getByLabel('Choose a picture or a video').setInputFiles(path);
  await given.getByLabel('Reference picture').check();
  await given.getByLabel('Guidance by it').fill('9');
  expect(await seriousAxeFaults(other)).toEqual([]);
  await generate(other, asked);
  await finished(other);
  const referenceImage = await openVideo(new Uint8Array(readFileSync(path)));
  const made = await framesOnStage(other);
  const [same, none] = [
    await inNode(REFERENCE, { referenceImage, referenceGuidanceScale: 9 }),
    await inNode(REFERENCE, { referenceImage }),
  ];
  expect(decibels(made, same)).toBeGreaterThan(50);
  expect(decibels(made, none)).toBeLessThan(45);
  expect(await other.locator('.caption').textContent()).toContain(
    'reference picture: grey.png, guidance by it 9',
  );
  await other.context().close();
});
