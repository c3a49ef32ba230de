// Other models in the playground than the one beside it, as a person opens them: Wan at an address and on the hub, told before
// they are fetched, kept in the browser, with the frames of Node; an upsampler.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Safetensors, serialize, type TensorData } from '@moviegen/safetensors';
import { openDevice } from '@moviegen/tensor/node';
import { fakeHub, TOKEN } from '@moviegen/testing/hub';
import {
  encodePng,
  encodePrompt,
  encodeVideo,
  type Frames,
  type GenerateOptions,
  MovieGenUpsampler,
  openVideo,
  promptStatesFile,
  type Video,
  VideoPipeline,
} from 'moviegen';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
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

vi.setConfig({ testTimeout: PATIENCE });

const T2V = fileURLToPath(new URL('../../packages/wan/fixtures/t2v', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../packages/moviegen/fixtures/', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'moviegen-models-'));
const I2V = await imageModel(join(work, 'i2v'));
const UPSAMPLER = upsampler(join(work, 'upsampler'));
const REFERENCE = referenceModel(join(work, 'reference'));
const { server, url } = await servePlayground({
  '/wan/': T2V,
  '/i2v/': I2V,
  '/upsampler/': UPSAMPLER,
  '/reference/': REFERENCE,
});
const hub = await fakeHub({
  'me/wan': { root: T2V, commit: 'a'.repeat(40), tags: ['v1'] },
  'me/gated': { root: T2V, commit: 'b'.repeat(40), access: 'gated' },
});
const device = await openDevice({ adapter: 'swiftshader' });
afterAll(() => {
  device.destroy();
  hub.close();
  rmSync(work, { recursive: true });
});
afterEach(() => {
  server.intercept = undefined;
});
const browser = await launchChromium(PATIENT);
const expected = [
  OPTIONAL_FILES,
  /ERR_|status of (401|404|429)/,
  /^another origin: \w+ http:\/\/(127|localhost)/,
];
const open = (query: Record<string, string> = {}): Promise<Page> =>
  openPage(browser, `${url}?${new URLSearchParams(query)}`, { expected });

const asked = { prompt: 'a cat', steps: 2, width: 32, height: 32, frames: 5 };
/** What Node makes of the same. */
async function inNode(folder: string, options: GenerateOptions = {}): Promise<Frames> {
  const pipeline = await VideoPipeline.fromPretrained(folder, { device });
  const { steps, width, height, frames: numFrames, prompt } = asked;
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
const model = (page: Page) => page.locator('.model');
const size = (page: Page) => model(page).locator('summary');

test('Wan at an address: told first, resumed after a reload, with its own options, and the frames of Node', async () => {
  const page = await open({ model: '/wan/' });
  const file = 'transformer/diffusion_pytorch_model.safetensors';
  const half = readFileSync(join(T2V, file)).length >> 1;
  await size(page)
    .getByText(/Wan 2\.1.* · 0\.8 MB to fetch/)
    .waitFor();
  expect(await page.locator('.given').textContent()).toContain('can do text to video, video to video.');
  const values = ['width', 'height', 'frames', 'steps', 'guidance', 'shift'].map((name) =>
    page.locator(`#${name}`).inputValue(),
  );
  expect(await Promise.all(values)).toEqual(['832', '480', '81', '50', '5', '3']);
  await generate(page, { ...asked, frames: 6 });
  expect(await page.locator('#frames-wrong').textContent()).toBe(
    'Frames must be 1 more than a multiple of 4: 5 or 9.',
  );

  server.intercept = (path, response, { method, headers }) => {
    if (path !== `/wan/${file}` || method === 'HEAD' || headers.range) return false;
    const bytes = readFileSync(join(T2V, file));
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, half), () => setTimeout(() => response.destroy(), 200));
    return true;
  };
  await generate(page, asked);
  expect(await problemCode(page)).toBe('checkpoint-unreachable');
  const ranges: (string | undefined)[] = [];
  server.intercept = (path, _, { method, headers }) => {
    if (path === `/wan/${file}` && method === 'GET') ranges.push(headers.range);
    return false;
  };
  await page.reload();
  await size(page).getByText('of 0.8 MB to fetch').waitFor();
  await page.getByRole('button', { name: 'The authors’' }).click();
  expect(await page.locator('#negative').inputValue()).toContain('色调艳丽');
  await page.locator('#negative').fill('grey');
  await page.locator('#shift').fill('5');
  await generate(page, asked);
  await finished(page);
  expect(ranges).toContainEqual(expect.stringMatching(/^bytes=[1-9]\d*-$/));
  const made = await framesOnStage(page);
  expect(decibels(made, await inNode(T2V, { negativePrompt: 'grey', shift: 5 }))).toBeGreaterThan(50);
  expect(decibels(made, await inNode(T2V))).toBeLessThan(40);
  await size(page).getByText('0.8 MB, all of it here').waitFor();
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('negative')).toBe('grey');
  await size(page).click();
  expect(await seriousAxeFaults(page)).toEqual([]);
  await model(page).getByRole('button', { name: 'Remove its files' }).click();
  await size(page).getByText('0.8 MB to fetch').waitFor();
  await page.context().close();
});

test('states of a prompt stand for the text encoder, which is not fetched', async () => {
  const states = await encodePrompt(T2V, asked.prompt, { device, negativePrompt: 'grey' });
  const path = join(work, 'cat.safetensors');
  writeFileSync(path, promptStatesFile(states));
  const page = await open({ model: '/wan/' });
  await size(page).getByText('to fetch').click();
  const before = server.requests.length;
  await model(page).getByLabel('Choose prompt states').setInputFiles(path);
  await size(page)
    .getByText(/Wan 2\.1.* · 0\.7 MB to fetch/)
    .waitFor();
  await expect.poll(() => page.locator('#prompt').inputValue()).toBe('a cat');
  const { prompt, ...numbers } = asked;
  for (const [name, value] of Object.entries(numbers)) await page.locator(`#${name}`).fill(String(value));
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
  await finished(page);
  const whole = await inNode(T2V, { negativePrompt: 'grey' });
  expect(decibels(await framesOnStage(page), whole)).toBeGreaterThan(50);
  expect(server.requests.slice(before).filter((file) => /text_encoder|tokenizer/.test(file))).toEqual([]);
  await page.context().close();
});

test('a model of pictures does nothing without one, and takes a first and a last frame', async () => {
  const page = await open({ model: '/i2v/' });
  await size(page)
    .getByText(/Wan 2\.1.* · /)
    .waitFor();
  await generate(page, asked);
  expect(await page.locator('.stage .own-words').textContent()).toBe(
    'this model begins with a picture or a video: it can do image to video, last image to video',
  );
  const [first, last] = [picture(40), picture(200)];
  const given = page.locator('.given');
  await given.getByLabel('Choose a picture or a video').setInputFiles(first);
  await given.getByLabel('Add a last frame').setInputFiles(last);
  await given.locator('.more').getByText('200.png').waitFor();
  await generate(page, asked);
  await finished(page);
  const pictures = { image: await frames(first), lastImage: await frames(last) };
  expect(decibels(await framesOnStage(page), await inNode(I2V, pictures))).toBeGreaterThan(50);
  await page.context().close();
});

test('a reference picture is taken by a model that has learnt it, and only by one', async () => {
  const page = await open({ model: '/reference/' });
  const given = page.locator('.given');
  await given.getByText('or as a reference picture, whose subject the video shows').waitFor();
  const path = picture(120);
  await given.getByLabel('Choose a picture or a video').setInputFiles(path);
  await given.getByLabel('Reference picture').check();
  const small = { steps: 2, width: 32, height: 16 };
  await generate(page, { prompt: 'a star', ...small, frames: 9 });
  await finished(page);
  expect(await page.locator('.caption').textContent()).toContain('reference picture: 120.png');
  const options = { ...small, numFrames: 9, referenceImage: await frames(path) };
  const pipeline = await VideoPipeline.fromPretrained(REFERENCE, { device });
  const { frames: made } = await pipeline.generate('a star', { seed: 1, ...options });
  pipeline.dispose();
  expect(decibels(await framesOnStage(page), made)).toBeGreaterThan(50);
  await page.goto(url);
  await given.getByText('or drop one here').waitFor();
  expect(await given.textContent()).not.toContain('reference');
  await page.context().close();
});

test('a model of the hub: what it refuses is told in words, a token is for the hub alone', async () => {
  const page = await open({ hub: hub.url });
  await page.locator('.model summary').click();
  const typed = model(page).getByLabel('Model');
  const opening = async (id: string, code: string) => {
    await typed.fill(id);
    await model(page).locator('form').first().getByRole('button', { name: 'Open' }).click();
    const problem = model(page).locator(`.problem[data-code=${code}]`);
    await problem.waitFor();
    return problem.locator('.own-words').textContent();
  };
  const { host } = new URL(hub.url);
  expect(await opening('me/none', 'no-such-model')).toMatch(`${host} has no model me/none@main`);
  expect(await opening('me/wan@v9', 'no-such-model')).toBe(`${host} has no such revision of me/wan@v9`);
  expect(await opening('me/gated', 'gated')).toBe(
    `${host} gives me/gated@main only to those who accepted its terms`,
  );
  hub.faults.limits = { times: 1, wait: '0' };
  expect(await opening('me/wan', 'limited')).toBe(`${host} limits the number of requests (status 429)`);
  expect(await seriousAxeFaults(page)).toEqual([]);

  await typed.fill('me/gated');
  await model(page).getByLabel('Token').fill('hf_wrong');
  expect(await opening('me/gated', 'token')).toContain('refuses the token for me/gated@main');
  await model(page).getByLabel('Token').fill(TOKEN);
  hub.asked.length = 0;
  await model(page).locator('form').first().getByRole('button', { name: 'Open' }).click();
  await size(page)
    .getByText(/Wan 2\.1.* · 0\.8 MB to fetch/)
    .waitFor();
  const tokens = (at: 'hub' | 'cdn') =>
    new Set(hub.asked.filter(({ host: name }) => name === at).map(({ token }) => token));
  expect([tokens('hub'), tokens('cdn')]).toEqual([new Set([`Bearer ${TOKEN}`]), new Set([undefined])]);
  expect(page.url()).not.toContain(TOKEN);
  expect(new URL(page.url()).searchParams.get('model')).toBe('me/gated');
  await page.context().close();
});

test('a model of the hub is kept, resumed after a reload, and makes the same frames', async () => {
  const page = await open({ hub: hub.url, model: 'me/wan@v1' });
  await size(page)
    .getByText(/Wan 2\.1.* · 0\.8 MB to fetch/)
    .waitFor();
  hub.faults.breaks = { after: 100_000, times: 1 };
  await generate(page, asked);
  expect(await problemCode(page)).toBe('checkpoint-unreachable');
  hub.asked.length = 0;
  await page.reload();
  await size(page).getByText('of 0.8 MB to fetch').waitFor();
  await generate(page, asked);
  await finished(page);
  expect(hub.asked.map(({ range }) => range)).toContainEqual(expect.stringMatching(/^bytes=[1-9]\d*-$/));
  expect(decibels(await framesOnStage(page), await inNode(T2V))).toBeGreaterThan(50);

  // And without the hub.
  hub.close();
  await page.reload();
  await size(page).getByText('0.8 MB, all of it here').waitFor();
  await page.context().close();
});

test('a video is made larger, window by window, compared with before, and a result is sent on', async () => {
  const page = await open({ model: '/upsampler/' });
  await size(page).getByText('spatial upsampler · ').waitFor();
  const film: Video = { ...pattern(7), fps: 16 };
  const path = join(work, 'film.gif');
  writeFileSync(path, await encodeVideo(film, { format: 'gif' }));
  const given = page.locator('.given');
  await given.getByLabel('Choose a picture or a video').setInputFiles(path);
  await given.getByLabel('Make it larger').waitFor();
  await page.locator('#wide').fill('48');
  await page.locator('#wide').press('Tab');
  expect(await page.locator('#scale').inputValue()).toBe('1.5');
  await given.getByText('48 × 24 pixels').waitFor();
  expect(await seriousAxeFaults(page)).toEqual([]);
  await page.evaluate(() => {
    const seen = new Set<string>();
    Object.assign(globalThis, { seen });
    const look = () => {
      const said = document.querySelector('[data-phase=windows].running .said')?.textContent;
      if (said) seen.add(said.replace(/ · .*/, ''));
    };
    new MutationObserver(look).observe(document.querySelector('.stage')!, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });
  await page.getByRole('button', { name: 'Upscale', exact: true }).click();
  await finished(page);
  expect(
    await page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen].length),
  ).toBeGreaterThan(2);
  const made = await framesOnStage(page);
  const own = await MovieGenUpsampler.fromPretrained(UPSAMPLER, { device });
  const source = await openVideo(new Uint8Array(readFileSync(path)));
  expect(decibels(made, await own.upscale(source, { scale: 1.5, seed: 1 }))).toBeGreaterThan(50);
  own.dispose();
  await page.getByLabel('Before').fill('1');
  expect((await framesOnStage(page)).data).not.toEqual(made.data);

  // The result again, beside a model that makes videos.
  await page.goto(`${url}?upsampler=/upsampler/`);
  await page.getByRole('button', { name: 'Upscale this' }).click();
  expect(await given.getByLabel('Make it larger').isChecked()).toBe(true);
  await page.locator('#scale').fill('2');
  await page.getByRole('button', { name: 'Upscale', exact: true }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled. Nothing of it was kept.').waitFor();
  await page.context().close();
});

/** Wan's transformer with more channels in than out, of the one without: what it adds is seeded. */
async function imageModel(folder: string): Promise<string> {
  cpSync(T2V, folder, { recursive: true });
  const [config, weights] = ['config.json', 'diffusion_pytorch_model.safetensors'].map((name) =>
    join(folder, 'transformer', name),
  ) as [string, string];
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), in_channels: 36 }));
  const file = await Safetensors.open(new Uint8Array(readFileSync(weights)));
  const tensors: Record<string, TensorData> = {};
  for (const name of file.names()) {
    const [dtype, shape, data] = [file.dtype(name), file.shape(name), await file.read(name)];
    tensors[name] = { dtype, shape, data };
    if (name !== 'patch_embedding.weight') continue;
    const [out, , ...patch] = shape as [number, number, ...number[]];
    const values = Float32Array.from({ length: out * 36 * 4 }, (_, i) => Math.sin(i) / 12);
    tensors[name] = { dtype: 'F32', shape: [out, 36, ...patch], data: new Uint8Array(values.buffer) };
  }
  writeFileSync(weights, serialize(tensors));
  return folder;
}

/** A small upsampler: the transformer of the fixture `jobs`, and an image autoencoder of diffusers. */
function upsampler(folder: string): string {
  cpSync(join(FIXTURES, 'jobs/upsampler'), join(folder, 'transformer'), { recursive: true });
  for (const name of ['config.json', 'diffusion_pytorch_model.safetensors'])
    cpSync(join(FIXTURES, 'autoencoder-kl-4', name), join(folder, 'vae', name));
  const index = {
    _class_name: 'MovieGenUpsamplerPipeline',
    sampler: { steps: 3 },
    window: { frames: 3, overlap: 1 },
    tile: { size: 8, overlap: 4 },
  };
  writeFileSync(join(folder, 'model_index.json'), JSON.stringify(index));
  return folder;
}

function pattern(count: number): Frames {
  const data = Uint8Array.from({ length: count * 16 * 32 * 3 }, (_, i) => (i >> 9) * 9 + (i % 96));
  return { data, shape: [count, 16, 32, 3] };
}

/** A file of a picture, of one grey with a dark half. */
function picture(grey: number): string {
  const path = join(work, `${grey}.png`);
  const data = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i < 1536 ? 0 : grey));
  writeFileSync(path, encodePng({ data, shape: [1, 32, 32, 3] }));
  return path;
}

const frames = (path: string) => openVideo(new Uint8Array(readFileSync(path)));
