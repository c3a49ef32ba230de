// Models of the hub in Node: the cache as Python's library lays it out, broken transfers, tokens, refusals, no network. Not here: the
// command line and several processes (test/hub.test.ts).

import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { serialize } from '@moviegen/safetensors';
import { TINY } from '@moviegen/testing/checkpoints';
import { type FakeHub, fakeHub, TOKEN } from '@moviegen/testing/hub';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { openLoras } from '../src/checkpoint/loras.ts';
import { openSingle } from '../src/checkpoint/singleFile.ts';
import type { FilesOptions } from '../src/checkpointFiles.ts';
import { hubPlace } from '../src/hubPlace.ts';
import { CheckpointError, openFiles, openModel, planGeneration } from '../src/index.ts';
import { hubHeaders } from '../src/node/hub/settings.ts';
import { hubFilesAt } from '../src/platform.ts';

// Not by vi.mock: files share a process, so the module that asks may have been loaded before.
const disk = { free: Number.POSITIVE_INFINITY };
const statfs = vi
  .spyOn(promises, 'statfs')
  .mockImplementation((async () => ({ bavail: disk.free, bsize: 1 })) as unknown as typeof promises.statfs);
syncBuiltinESMExports();

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const here = mkdtempSync(join(tmpdir(), 'hub-'));
const repo = join(here, 'repo');
const BIG = new Uint8Array(20_000).map((_, i) => i % 251);
for (const [path, content] of Object.entries({
  'config.json': '{}\n',
  'tae/config.json': '{}\n',
  'tae/model.safetensors': BIG,
  'README.md': 'not needed',
})) {
  mkdirSync(dirname(join(repo, path)), { recursive: true });
  writeFileSync(join(repo, path), content);
}
const loraFolder = join(here, 'lora');
mkdirSync(loraFolder);
const halves = { 'x.lora_A.weight': { dtype: 'F32', shape: [1], data: Float32Array.of(1) } } as const;
writeFileSync(join(loraFolder, 'adapter_model.safetensors'), serialize(halves));
writeFileSync(join(loraFolder, 'adapter_config.json'), '{"lora_alpha":8}');
const hub: FakeHub = await fakeHub({
  'me/lora': { root: loraFolder, commit: COMMIT },
  'me/model': { root: repo, commit: COMMIT, tags: ['v1', 'refs/pr/1'] },
  'me/tiny': { root: TINY, commit: COMMIT },
  'me/private': { root: repo, commit: COMMIT, access: 'private' },
  'me/gated': { root: repo, commit: COMMIT, access: 'gated' },
});
afterAll(() => {
  statfs.mockRestore();
  syncBuiltinESMExports();
  vi.unstubAllEnvs();
  hub.close();
  rmSync(here, { recursive: true });
});

let home = '';
let cache = '';
let homes = 0;
beforeEach(() => {
  home = join(here, `home-${homes++}`);
  cache = join(home, 'hub', 'models--me--model');
  vi.unstubAllEnvs();
  vi.stubEnv('HF_HOME', home).stubEnv('HF_ENDPOINT', hub.url);
  for (const name of ['TOKEN', 'HUB_CACHE', 'HUB_OFFLINE', 'HUB_DISABLE_IMPLICIT_TOKEN'])
    vi.stubEnv(`HF_${name}`, undefined);
  hub.asked.length = 0;
  for (const name of Object.keys(hub.faults)) delete hub.faults[name as keyof typeof hub.faults];
  disk.free = Number.POSITIVE_INFINITY;
});

/** Reads a file of a model whole. */
async function read(id: string, path: string, options: FilesOptions = {}) {
  const [, folder = '', name = ''] = /^(?:(.*)\/)?([^/]+)$/.exec(path)!;
  const files = openFiles(id, { retries: 1, ...options });
  const source = await files.folder(folder)(name);
  const bytes = source && (await source.read(0, source.byteLength));
  await source?.close();
  return bytes;
}
const tae = (options: FilesOptions = {}) => read('me/model', 'tae/model.safetensors', options);
const from = (host: 'hub' | 'cdn') => hub.asked.filter((one) => one.host === host);
const said = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as Error).message).not.toContain('\n');
  expect((error as Error).message).not.toContain('hf_');
  return (error as Error).message.replaceAll(new URL(hub.url).host, 'HUB').replaceAll(home, 'HOME');
};

/** Everything below a folder: links with where they lead. */
const listing = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) =>
      lstatSync(join(folder, path)).isSymbolicLink()
        ? `${path} -> ${readlinkSync(join(folder, path))}`
        : path,
    )
    .sort();

// Made by huggingface_hub 1.33.0: hf_hub_download of config.json and tae/config.json at main, of tae/model.safetensors at v1,
// of config.json at refs/pr/1, from this server.
const BY_PYTHON = `
blobs
blobs/0967ef424bce6791893e9a57bb952f80fd536e93
blobs/93a6015a3874a774dd59fdd5db19414b301525381eb5ddcc265cdcc68bb9d350
refs
refs/main
refs/refs
refs/refs/pr
refs/refs/pr/1
refs/v1
snapshots
snapshots/${COMMIT}
snapshots/${COMMIT}/config.json -> ../../blobs/0967ef424bce6791893e9a57bb952f80fd536e93
snapshots/${COMMIT}/tae
snapshots/${COMMIT}/tae/config.json -> ../../../blobs/0967ef424bce6791893e9a57bb952f80fd536e93
snapshots/${COMMIT}/tae/model.safetensors -> ../../../blobs/93a6015a3874a774dd59fdd5db19414b301525381eb5ddcc265cdcc68bb9d350`;

test('the cache is the one that Python’s library makes, byte by byte', async () => {
  await read('me/model', 'config.json');
  await read('me/model', 'tae/config.json');
  expect(await tae({ revision: 'v1' })).toEqual(BIG);
  await read('me/model', 'config.json', { revision: 'refs/pr/1' });
  expect(listing(cache)).toEqual(BY_PYTHON.trim().split('\n'));
  for (const ref of ['main', 'v1', 'refs/pr/1'])
    expect(readFileSync(join(cache, 'refs', ref), 'utf8')).toBe(COMMIT);
  expect(readdirSync(join(home, 'hub', '.locks', 'models--me--model'))).toEqual([]);
});

test('a file of the cache is not downloaded again, whoever put it there', async () => {
  const blob = join(cache, 'blobs', '0967ef424bce6791893e9a57bb952f80fd536e93');
  const snapshot = join(cache, 'snapshots', COMMIT);
  for (const folder of [dirname(blob), snapshot]) mkdirSync(folder, { recursive: true });
  writeFileSync(blob, '{}\n');
  symlinkSync('../../blobs/0967ef424bce6791893e9a57bb952f80fd536e93', join(snapshot, 'config.json'));
  await read('me/model', 'config.json');
  await read('me/model', 'tae/config.json'); // the same content: the blob serves
  expect(from('hub').filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
  expect(readlinkSync(join(snapshot, 'tae', 'config.json'))).toContain('../../../blobs/');
});

test('only what a load reads is downloaded; for a plan, headers alone', async () => {
  const told: number[][] = [];
  const onDownload: FilesOptions['onDownload'] = ({ bytes, totalBytes }) => told.push([bytes, totalBytes]);
  await (await openModel('me/tiny', { folder: 'transformer', onDownload })).close();
  const files = readdirSync(join(home, 'hub/models--me--tiny/snapshots', COMMIT), { recursive: true });
  expect(files.filter((path) => String(path).endsWith('.safetensors'))).toHaveLength(3);
  expect(files.filter((path) => /tae|text/.test(String(path)))).toEqual([]);
  const [done, all] = told.at(-1)!;
  expect(done).toBe(all);
  expect(told.filter(([, total]) => total === all)!.length).toBeGreaterThan(2); // all shards are counted from the first on

  rmSync(join(home, 'hub'), { recursive: true });
  hub.asked.length = 0;
  expect((await planGeneration('me/tiny')).problems).toEqual([]);
  expect(existsSync(join(home, 'hub/models--me--tiny/blobs'))).toBe(false);
  expect(from('cdn').every(({ range }) => range !== undefined)).toBe(true);

  hub.faults.breaks = { after: 1000, times: 1 };
  const file = await openFiles('me/model', { download: false }).folder('tae')('model.safetensors');
  expect(await file!.read(5000, 9000)).toEqual(BIG.slice(5000, 9000));
});

test('a broken transfer goes on where it was, in this try and in the next', async () => {
  hub.faults.breaks = { after: 6000, times: 2 };
  expect(await tae()).toEqual(BIG);
  expect(from('cdn').map(({ range }) => range)).toEqual([undefined, 'bytes=6000-', 'bytes=12000-']);

  rmSync(cache, { recursive: true });
  hub.asked.length = 0;
  hub.faults.breaks = { after: 0, times: 9 };
  expect(await said(tae({ retries: 0 }))).toMatch(/broke off 1 times at 0 of 20000 bytes.*kept/);
  hub.faults.breaks = { after: 7000, times: 1 };
  const stop = new AbortController();
  const source = openFiles('me/model', { onDownload: () => stop.abort(new Error('stopped')) }).folder('tae');
  await expect(source('model.safetensors', stop.signal)).rejects.toThrow('stopped');
  const [incomplete] = readdirSync(join(cache, 'blobs'));
  expect(incomplete).toMatch(/^[0-9a-f]{64}\.moviegen\.incomplete$/);
  const held = lstatSync(join(cache, 'blobs', incomplete!)).size;
  expect(held).toBeGreaterThan(0);
  hub.asked.length = 0;
  let total = 0;
  const onDownload: FilesOptions['onDownload'] = ({ totalBytes }) => {
    total = totalBytes;
  };
  expect(await tae({ onDownload })).toEqual(BIG);
  expect(from('cdn')[0]!.range).toBe(`bytes=${held}-`);
  expect(total).toBe(BIG.length - held); // what is to come, not what is there
  expect(readdirSync(join(cache, 'blobs'))).toEqual([incomplete!.slice(0, 64)]);
});

test('what differs from its checksum does not stay', async () => {
  const sum = '93a6015a3874a774dd59fdd5db19414b301525381eb5ddcc265cdcc68bb9d350';
  mkdirSync(join(cache, 'blobs'), { recursive: true });
  writeFileSync(join(cache, 'blobs', `${sum}.moviegen.incomplete`), new Uint8Array(5000)); // of another writer
  expect(await tae()).toEqual(BIG);
  expect(from('cdn').map(({ range }) => range)).toEqual(['bytes=5000-', undefined]);
  rmSync(cache, { recursive: true });
  hub.faults.damages = true;
  expect(await said(tae())).toContain('its checksum differs from');
  expect(readdirSync(join(cache, 'blobs'))).toEqual([]);
});

test('a lock whose holder has ended is taken over', async () => {
  const locks = join(home, 'hub', '.locks', 'models--me--model');
  mkdirSync(locks, { recursive: true });
  const { hostname } = await import('node:os');
  writeFileSync(
    join(locks, '93a6015a3874a774dd59fdd5db19414b301525381eb5ddcc265cdcc68bb9d350.moviegen.lock'),
    `${hostname()} ${2 ** 30}`,
  );
  expect(await tae()).toEqual(BIG);
  expect(readdirSync(locks)).toEqual([]);
});

test('a full disk: what is needed and free is said, and what has come stays', async () => {
  disk.free = 5_000;
  expect(await said(tae())).toBe(
    'hub: the disk is full: me/model/tae/model.safetensors needs 0.0 MB more in HOME/hub, which has 0.0 MB free: ' +
      'make room, or set HF_HOME to another disk; what has arrived is kept',
  );
  expect(readdirSync(join(cache, 'blobs'))).toEqual([]);
});

test('the token goes to the hub, not to the host that it redirects to', async () => {
  process.env.HF_TOKEN = `${TOKEN}\n`;
  expect(await read('me/private', 'tae/model.safetensors')).toEqual(BIG);
  expect(new Set(from('hub').map(({ token }) => token))).toEqual(new Set([`Bearer ${TOKEN}`]));
  expect(from('cdn').map(({ token }) => token)).toEqual([undefined]);
});

test('the token of huggingface-cli login, of HF_TOKEN before it, and none where the user says so', () => {
  const headers = () => hubHeaders(new URL(hub.url));
  expect(headers()).toEqual({});
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'token'), 'hf_file\n');
  expect(headers()).toEqual({ Authorization: 'Bearer hf_file' });
  process.env.HF_HUB_DISABLE_IMPLICIT_TOKEN = '1';
  expect(headers()).toEqual({});
  process.env.HF_TOKEN = 'hf_own';
  expect(headers()).toEqual({ Authorization: 'Bearer hf_own' });
  expect(hubHeaders(new URL('https://huggingface.co'))).toEqual({});
});

test('refusals are one line that says what to do', async () => {
  expect(await said(read('me/none', 'config.json'))).toBe(
    'hub: there is no folder me/none here, and HUB has no such model (status 401): check its spelling; ' +
      'if it is private, set HF_TOKEN or log in with huggingface-cli login',
  );
  expect(await said(read('me/private', 'config.json'))).toContain('if it is private, set HF_TOKEN');
  expect(await said(read('me/gated', 'config.json'))).toBe(
    `hub: me/gated is gated (status 401): accept its terms at http://HUB/me/gated, then set HF_TOKEN to a token of that ` +
      'account, or log in with huggingface-cli login',
  );
  expect(await said(read('me/model', 'config.json', { revision: 'v9' }))).toContain('has no revision v9');
  expect(await said(read('me/model', 'config.json', { revision: '../x' }))).toContain('got "../x"');
  process.env.HF_TOKEN = 'hf_wrong';
  expect(await said(read('me/model', 'config.json'))).toContain('refuses the token for me/model');
  process.env.HF_TOKEN = 'hf_a\nb';
  expect(await said(read('me/model', 'config.json'))).toContain('expected one line in ASCII');
  process.env.HF_TOKEN = TOKEN;
  expect(await said(read('me/none', 'config.json'))).toContain('or none that the token may read');
  expect(await read('me/model', 'none.json')).toBeUndefined();
  expect(await said(openModel('me/model', { folder: 'dit' }))).toBe(
    'checkpoint: me/model/dit/config.json is missing',
  );
  expect(await said(openModel('me/model', { folder: 'tae', variant: 'fp16' }))).toContain('me/model/tae');
});

test('three parts may be a folder here, or one in a model of the hub: both are said, whole', async () => {
  expect(await said(read('no/such/folder', 'config.json'))).toBe(
    'hub: there is no folder no/such/folder here, and HUB has no model no/such (status 401): check its spelling; ' +
      'if it is private, set HF_TOKEN or log in with huggingface-cli login',
  );
  expect(await said(openModel('me/model/none/x'))).toBe(
    'hub: there is no folder me/model/none/x here, and the model me/model of the hub has no folder none/x at main',
  );
  process.env.HF_HUB_OFFLINE = '1';
  expect(await said(read('no/such/folder/x', 'config.json'))).toContain(
    'there is no folder no/such/folder/x here',
  );
  process.env.HF_HUB_OFFLINE = '';
  process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
  expect(await said(read('no/such/folder', 'config.json'))).toMatch(
    /^hub: there is no folder no\/such\/folder here, and 127.0.0.1:9, where folder may be a folder of the model no\/such, cannot/,
  );
});

test('a refusal of the host that large files are on is not taken for one of the hub', async () => {
  hub.faults.forbids = true;
  expect(await said(tae())).toMatch(
    /^hub: localhost:\d+ does not give me\/model\/tae\/model.safetensors: status 403$/,
  );
});

test('429: Retry-After is obeyed, then said', async () => {
  hub.faults.limits = { times: 1, wait: '1' };
  const began = performance.now();
  await read('me/model', 'config.json');
  expect(performance.now() - began).toBeGreaterThan(900);
  hub.faults.limits = { times: 9, wait: '60' };
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('stopped')), 50);
  const waiting = openFiles('me/model').folder('')('config.json', stop.signal);
  await expect(waiting).rejects.toThrow('stopped');
  hub.faults.limits = { times: 9, wait: '3600' };
  expect(await said(read('me/model', 'config.json'))).toContain(
    'HUB limits the number of requests (status 429, 1 of them): it asks to wait 3600 s; with a token (HF_TOKEN) it allows more',
  );
});

test('offline, and where the hub cannot be reached, the cache serves', async () => {
  await tae();
  hub.asked.length = 0;
  process.env.HF_HUB_OFFLINE = '1';
  expect(await tae()).toEqual(BIG);
  expect(hub.asked).toEqual([]);
  expect(await said(openModel('me/model', { folder: 'tae' }))).toBe(
    'checkpoint: me/model/tae/config.json is missing in the cache HOME/hub, and HF_HUB_OFFLINE is set',
  );
  expect(await said(read('me/tiny', 'config.json'))).toBe(
    'hub: there is no folder me/tiny here, and the model me/tiny at main is not in the cache HOME/hub, and HF_HUB_OFFLINE is set: it cannot be downloaded',
  );
  process.env.HF_HUB_OFFLINE = '';
  process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
  expect(await tae()).toEqual(BIG);
  expect(await said(read('me/tiny', 'config.json'))).toMatch(
    /^hub: there is no folder me\/tiny here, and 127.0.0.1:9 cannot be reached: /,
  );
});

test('a LoRA and a single file of weights by their id; the revision is the checkpoint’s', async () => {
  const sources = ['me/lora', 'me/lora/adapter_model.safetensors'].map((source) => ({ source }));
  const loras = await openLoras(sources, { revision: 'v1' });
  for (const lora of loras) {
    expect(lora.source.names()).toEqual(['x.lora_A.weight']);
    expect(lora.scaleOf!('x', 4)).toBe(2);
    await lora.close();
  }
  expect(await said(openLoras([{ source: 'me/model' }]))).toBe(
    'lora: there is no file me/model/adapter_model.safetensors',
  );
  expect(await said(openSingle({ folder: 'me/lora/', name: 'none.safetensors' }, {}, undefined))).toBe(
    'checkpoint: there is no file me/lora/none.safetensors',
  );
  const one = await openSingle({ folder: 'me/lora/', name: 'adapter_model.safetensors' }, {}, undefined);
  expect(one.weights.names()).toEqual(['x.lora_A.weight']);
  await one.weights.close();
});

test('a local folder of that name wins; a revision of it makes no sense', async () => {
  const folder = process.cwd();
  process.chdir(here);
  try {
    cpSync(repo, join(here, 'me', 'model'), { recursive: true });
    expect(await tae()).toEqual(BIG);
    expect(hub.asked).toEqual([]);
    expect(() => openFiles('me/model', { revision: 'v1' })).toThrow('revision is for models of the hub');
  } finally {
    process.chdir(folder);
    rmSync(join(here, 'me'), { recursive: true });
  }
});

test('what may be an id, and its address in a browser', () => {
  expect(hubPlace('org/na.me-1/text_encoder/')).toEqual({ id: 'org/na.me-1', folder: 'text_encoder' });
  for (const text of [
    'name',
    '/a/b',
    './a',
    '../a',
    'a/../b',
    'a//b',
    'a/b/../c',
    'a b/c',
    'runs/x.safetensors',
    'a/b\\c',
  ])
    expect(hubPlace(text), text).toBeUndefined();
  const address = hubFilesAt({ id: 'org/name', folder: 'tae' }, { revision: 'refs/pr/1' });
  expect(String(address)).toBe('https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/tae');
});
