// Where checkpoints lie and what lies there: file: addresses, the hub's cache, links, servers, single files, folders of another
// layout.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Safetensors, serialize, type TensorData } from '@moviegen/safetensors';
import { openFolder } from '@moviegen/safetensors/node';
import { WeightsError } from '@moviegen/tensor';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test, vi } from 'vitest';
import { endingOf } from '../src/cli/failure.ts';
import { Autoencoder, InputError, openFiles, openModel, TextModel } from '../src/index.ts';
import { filesBelow } from '../src/node/checkpointFolder.ts';
import { planGeneration } from '../src/plan/plan.ts';

const device = await testDevice();
const here = mkdtempSync(join(tmpdir(), 'places-'));
const stops: (() => void)[] = [];
afterAll(() => {
  for (const stop of stops) stop();
  rmSync(here, { recursive: true });
});
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const VAE = fixture('autoencoder-kl-4');

test('file: addresses, with a slash, percent-encoded, as a URL and as text', async () => {
  const odd = join(here, 'mödel #1 100%');
  cpSync(TINY, odd, { recursive: true });
  for (const url of [pathToFileURL(odd), pathToFileURL(`${odd}/`)])
    for (const source of [url, url.href, url.href.replace('file:', 'FILE:')])
      expect((await planGeneration(source)).problems).toEqual([]);
  for (const source of ['file://host/x', 's3://bucket/x', new URL('data:,x'), 'http://me:4711@[x'])
    await expect(planGeneration(source)).rejects.toThrow(InputError);
  await expect(planGeneration('http://me:4711@[x')).rejects.not.toThrow('4711');
});

test('a model in the hub’s cache is the snapshot that refs/main names', async () => {
  const root = join(here, 'models--me--tiny');
  cpSync(TINY, join(root, 'snapshots', 'abc'), { recursive: true });
  expect((await planGeneration(root)).problems).toEqual([]); // its only one
  mkdirSync(join(root, 'snapshots', 'def'));
  expect(() => openFiles(root)).toThrow('refs/main is missing, and its snapshots are abc, def');
  mkdirSync(join(root, 'refs'));
  writeFileSync(join(root, 'refs', 'main'), 'abc\n');
  expect((await planGeneration(pathToFileURL(root))).problems).toEqual([]);
  writeFileSync(join(root, 'refs', 'main'), 'gone');
  expect(() => openFiles(root)).toThrow('refs/main names snapshot gone');
});

test('links to folders are followed; those in a circle or to nothing are refused', async () => {
  const root = join(here, 'links');
  mkdirSync(join(root, 'shared'), { recursive: true });
  writeFileSync(join(root, 'shared', 'a.txt'), 'a');
  mkdirSync(join(root, 'model'));
  symlinkSync('../shared', join(root, 'model', 'part'));
  symlinkSync('../shared', join(root, 'model', 'same'));
  expect(await filesBelow(join(root, 'model'))).toEqual(['part/a.txt', 'same/a.txt']);
  symlinkSync('../model', join(root, 'shared', 'back'));
  await expect(filesBelow(join(root, 'model'))).rejects.toThrow('is a link to a folder that it lies in');
  rmSync(join(root, 'shared', 'back'));
  symlinkSync('nowhere', join(root, 'shared', 'lost'));
  await expect(filesBelow(join(root, 'model'))).rejects.toThrow('lost is a link to nothing');
});

/** Serves a folder; `absent` answers for files that are not in it. */
async function served(
  root: string,
  absent: (request: IncomingMessage) => readonly [status: number, body: string],
) {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    try {
      response.end(readFileSync(join(root, decodeURIComponent(request.url!))));
    } catch {
      const [status, body] = absent(request);
      response.writeHead(status).end(body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  stops.push(stop);
  return { url, asked };
}

test.each([
  ['forbids', [403, 'no'], /config\.json.*403 Forbidden.*wants credentials/],
  ['answers with a page for', [200, '<!DOCTYPE html><p>app'], /config\.json is not there: it is a web page/],
] as const)('a server that %s optional files has none', async (_, answer, said) => {
  const host = await served(VAE, () => answer);
  (await Autoencoder.fromPretrained(host.url, { device })).dispose();
  await expect(Autoencoder.fromPretrained(`${host.url}/none`, { device })).rejects.toThrow(said);
});

test('HF_TOKEN goes to the hub alone', async () => {
  const host = await served(VAE, () => [404, '']);
  try {
    vi.stubEnv('HF_TOKEN', 'hf_x\n').stubEnv('HF_ENDPOINT', `${host.url}/`);
    await (await openModel(host.url)).close();
    expect(new Set(host.asked)).toEqual(new Set(['Bearer hf_x']));
    host.asked.length = 0;
    await (await openModel(host.url, { headers: { authorization: 'Bearer mine' } })).close();
    expect(new Set(host.asked)).toEqual(new Set(['Bearer mine']));
    host.asked.length = 0;
    process.env.HF_ENDPOINT = '';
    await (await openModel(host.url)).close();
    expect(new Set(host.asked)).toEqual(new Set([undefined]));
  } finally {
    vi.unstubAllEnvs();
  }
});

/** The tensors of a fixture under other names. */
async function renamed(
  folder: string,
  name: (old: string) => string,
  shape = (_: string, s: readonly number[]) => s,
) {
  const source = await openFolder(folder);
  const tensors: Record<string, TensorData> = {};
  for (const old of source.names())
    tensors[name(old)] = {
      dtype: source.dtype(old),
      shape: shape(name(old), source.shape(old)),
      data: await source.read(old),
    };
  await source.close();
  return tensors;
}

const ATTENTION: Record<string, string> = {
  group_norm: 'norm',
  to_q: 'q',
  to_k: 'k',
  to_v: 'v',
  'to_out.0': 'proj_out',
};
/** A name of diffusers as the original library has it. */
const ldm = (levels: number) => (name: string) =>
  name
    .replace(/down_blocks\.(\d+)\./, 'down.$1.')
    .replace(/up_blocks\.(\d+)\./, (_, i) => `up.${levels - 1 - i}.`)
    .replace(/((?:up|down)\.\d+)\.resnets\./, '$1.block.')
    .replace(/\.(down|up)samplers\.0\./, '.$1sample.')
    .replace(/mid_block\.resnets\.(\d)/, (_, i) => `mid.block_${+i + 1}`)
    .replace(
      /mid_block\.attentions\.0\.(group_norm|to_[qkv]|to_out\.0)/,
      (_, part) => `mid.attn_1.${ATTENTION[part]}`,
    )
    .replace('conv_shortcut', 'nin_shortcut')
    .replace('conv_norm_out', 'norm_out');

test('an autoencoder in one file, by the original names, with a config beside it', async () => {
  const config = JSON.parse(readFileSync(join(VAE, 'config.json'), 'utf8'));
  const name = ldm(config.block_out_channels.length);
  const shape = (to: string, s: readonly number[]) =>
    /attn_1\.(q|k|v|proj_out)\.weight/.test(to) && s.length === 2 ? [...s, 1, 1] : s;
  const frames = {
    data: Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7) % 256),
    shape: [1, 32, 32, 3] as const,
  };
  const plain = await Autoencoder.fromPretrained(VAE, { device });
  const expected = (await plain.encode(frames)).data;
  plain.dispose();
  const extra = { 'loss.logvar': { dtype: 'F32' as const, shape: [1], data: new Uint8Array(4) } };
  for (const [prefix, more] of [
    ['', extra],
    ['first_stage_model.', { ...extra, 'model.diffusion_model.x': extra['loss.logvar'] }],
  ] as const) {
    const folder = join(here, `ldm ${prefix}`);
    mkdirSync(folder);
    const file = join(folder, 'vae.safetensors');
    writeFileSync(file, serialize({ ...(await renamed(VAE, (old) => prefix + name(old), shape)), ...more }));
    await expect(Autoencoder.fromPretrained(file, { device })).rejects.toThrow(
      /put the config\.json.*beside the file$/,
    );
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    for (const source of [file, pathToFileURL(file)]) {
      const one = await Autoencoder.fromPretrained(source, { device });
      expect((await one.encode(frames)).data).toEqual(expected);
      expect((await one.decode(await one.encode(frames))).shape).toEqual([1, 32, 32, 3]);
      one.dispose();
    }
  }
});

test('the config of Stable Diffusion’s autoencoder is told by its weights', async () => {
  const { inferConfig, parseConfig } = await import('@moviegen/tae');
  const { weightShapes } = await import('../../tae/src/weights.ts');
  const config = parseConfig({
    _class_name: 'AutoencoderKL',
    block_out_channels: [128, 256, 512, 512],
    latent_channels: 4,
    layers_per_block: 2,
  });
  const shapes = Object.entries(weightShapes({ ...config, temporal: false }));
  const held = new Map(shapes.map(([key, shape]) => [`first_stage_model.${ldm(4)(key)}`, shape]));
  const source = (more: string[] = []) => ({
    names: () => [...held.keys(), ...more],
    shape: (key: string) => held.get(key) ?? [1],
    dtype: () => 'F32',
    read: async () => new Uint8Array(),
  });
  expect(parseConfig(inferConfig(source()).config)).toEqual(config);
  expect(inferConfig(source(['conditioner.embedders.0.x'])).config).toMatchObject({
    scaling_factor: 0.13025,
  });
});

test('names of a compiled model are its plain names', async () => {
  const folder = join(here, 'compiled');
  cpSync(VAE, folder, { recursive: true });
  const tensors = await renamed(VAE, (old) => `_orig_mod.${old.replace('decoder.', 'decoder._orig_mod.')}`);
  writeFileSync(join(folder, 'diffusion_pytorch_model.safetensors'), serialize(tensors));
  (await Autoencoder.fromPretrained(folder, { device })).dispose();
});

test('a tokenizer as vocab.json and merges.txt, in a folder beside the encoder or a named one', async () => {
  const clip = fixture('text-pretrained/clip');
  const whole = await TextModel.fromPretrained(clip, { device });
  const texts = ['A red  circle, isn’t it? 12 “ü”', "it's!", '<|endoftext|> x'];
  const expected = texts.map((text) => whole.tokenize(text));
  whole.dispose();
  const root = join(here, 'pipeline');
  cpSync(clip, join(root, 'text_encoder'), { recursive: true });
  const { model } = JSON.parse(readFileSync(join(clip, 'tokenizer.json'), 'utf8'));
  rmSync(join(root, 'text_encoder', 'tokenizer.json'));
  mkdirSync(join(root, 'tokenizer'));
  const merges = model.merges.map((pair: string | string[]) => (Array.isArray(pair) ? pair.join(' ') : pair));
  writeFileSync(join(root, 'tokenizer', 'vocab.json'), JSON.stringify(model.vocab));
  writeFileSync(join(root, 'tokenizer', 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);
  const alone = join(here, 'alone');
  cpSync(join(root, 'text_encoder'), alone, { recursive: true });
  for (const [source, options] of [
    [join(root, 'text_encoder'), {}],
    [root, { folder: 'text_encoder' }],
    [pathToFileURL(`${root}/text_encoder/`), {}],
    [alone, { tokenizer: join(root, 'tokenizer') }],
  ] as const) {
    const text = await TextModel.fromPretrained(source, { device, ...options });
    expect(texts.map((one) => text.tokenize(one))).toEqual(expected);
    text.dispose();
  }
});

test('an error names the first tensors at fault and holds all', async () => {
  const folder = join(here, 'other');
  cpSync(VAE, folder, { recursive: true });
  const file = join(folder, 'diffusion_pytorch_model.safetensors');
  writeFileSync(file, serialize(await renamed(VAE, (old) => `other.${old}`)));
  const error = await Autoencoder.fromPretrained(folder, { device }).catch((reason) => reason);
  expect(error.message.split('\n').length).toBeLessThan(20);
  expect(error.cause).toBeInstanceOf(WeightsError);
  const { faults } = error.cause as WeightsError;
  expect(faults.missing!.length).toBe((await Safetensors.open(readFileSync(file))).names().length);
  expect(endingOf(error, false).message).toMatch(/and \d+ more[\s\S]*--verbose lists all/);
  expect(endingOf(error, false, true).message).toContain(faults.missing!.at(-1));
});
