// A bound on the transformer's memory, and LoRA files, as a library user meets them: the same videos, or an error of one clear line.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiT, StreamedDiT } from '@moviegen/dit';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { openFolder } from '@moviegen/safetensors/node';
import { served, TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openFiles } from '../src/checkpoint/files.ts';
import { heldSource } from '../src/checkpoint/heldSource.ts';
import { openLoras } from '../src/checkpoint/loras.ts';
import { bytes as bytesValue, lora as loraValue } from '../src/cli/values.ts';
import {
  CheckpointError,
  type FromPretrainedOptions,
  InputError,
  type LoraFile,
  MovieGen,
} from '../src/index.ts';

const device = await testDevice();
const root = mkdtempSync(join(tmpdir(), 'moviegen-loading-'));
afterAll(() => rmSync(root, { recursive: true }));
const prompt = 'a small red circle moves right on a black background';

/** Latents of a short video. */
async function latents(options: FromPretrainedOptions = {}, source: string = TINY): Promise<Float32Array> {
  const { used } = device.memory();
  const movieGen = await MovieGen.fromPretrained(source, { device, ...options });
  try {
    const { latents } = await movieGen.generate(prompt, { seed: 2, steps: 2, numFrames: 8 });
    return latents.data;
  } finally {
    movieGen.dispose();
    expect(device.memory().used).toBe(used);
  }
}

let plain: Float32Array;
/** The least that a layer of the tiny transformer passes with. */
let least = 0;
beforeAll(async () => {
  plain = await latents();
  const error = await latents({ maxMemory: 1 }).catch((thrown: Error) => thrown);
  least = Number(/at least (\d+) KiB$/.exec((error as Error).message)![1]) * 1024;
});

test('a bound on memory changes no bit of a video', async () => {
  const [streamed, recorded] = [
    vi.spyOn(StreamedDiT.prototype, 'forwardAsync'),
    vi.spyOn(DiT.prototype, 'forward'),
  ];
  expect(await latents({ maxMemory: least })).toEqual(plain);
  expect(await latents({ maxMemory: least, offload: 'host' })).toEqual(plain);
  expect([streamed.mock.calls.length, recorded.mock.calls.length]).toEqual([4, 0]); // two steps each
  expect(await latents({ maxMemory: 2 ** 40 })).toEqual(plain);
  expect([streamed.mock.calls.length, recorded.mock.calls.length]).toEqual([4, 1]);
  vi.restoreAllMocks();
});

test('of an address, layers are fetched once', async () => {
  const { url, requests, close } = await served(TINY);
  try {
    const shards = () => requests.filter((path) => path.includes('transformer/model-')).length;
    expect(await latents({ maxMemory: least }, url)).toEqual(plain);
    const once = shards();
    requests.length = 0;
    await latents({ maxMemory: least, offload: 'disk' }, url);
    expect(shards()).toBeGreaterThanOrEqual(once);
    expect(once).toBeLessThan(15);
  } finally {
    close();
  }
});

test('generating with streamed layers stops at an abort', async () => {
  const movieGen = await MovieGen.fromPretrained(TINY, { device, maxMemory: least });
  const stop = new AbortController();
  const onProgress = ({ phase }: { readonly phase: string }) => {
    if (phase === 'sample') setTimeout(() => stop.abort(new Error('enough')), 1);
  };
  const short = { seed: 2, steps: 2, numFrames: 8 };
  expect((await movieGen.generate(prompt, short)).latents.data).toEqual(plain);
  const { used } = device.memory();
  const long = { ...short, steps: 50, schedule: 'linear', signal: stop.signal, onProgress } as const;
  await expect(movieGen.generate(prompt, long)).rejects.toThrow('enough');
  expect((await movieGen.generate(prompt, short)).latents.data).toEqual(plain);
  expect(device.memory().used).toBe(used);
  movieGen.dispose();
});

test('held weights are read once, whatever is asked for', async () => {
  const folder = await openFolder(join(TINY, 'transformer'));
  const names = folder.names().slice(0, 6);
  let asked = 0;
  const held = heldSource({
    ...{
      names: () => names,
      shape: (name: string) => folder.shape(name),
      dtype: (name: string) => folder.dtype(name),
    },
    read: (name) => folder.read(name),
    pieces: (wanted) => {
      asked += wanted.length;
      return folder.pieces(wanted, { pieceBytes: 1024 });
    },
  });
  const gather = async (wanted: string[]) => {
    const found: Record<string, number[]> = {};
    for await (const { name, data } of held.pieces!(wanted)) found[name] = [...(found[name] ?? []), ...data];
    return found;
  };
  await gather([names[2]!, names[4]!]);
  const all = await gather(names);
  expect(asked).toBe(6);
  expect(Object.keys(all)).toEqual(names);
  for (const name of names) {
    const bytes = [...(await folder.read(name))];
    expect(all[name]).toEqual(bytes);
    expect([...(await held.read(name))]).toEqual(bytes);
  }
  await folder.close();
});

const A = Float32Array.from({ length: 2 * 32 }, (_, i) => Math.sin(i));
const B = Float32Array.from({ length: 32 * 2 }, (_, i) => Math.cos(i));
const factors = (path: string, width = 32) => ({
  [`${path}.lora_A.weight`]: { dtype: 'F32', shape: [2, width], data: A.slice(0, 2 * width) } as const,
  [`${path}.lora_B.weight`]: { dtype: 'F32', shape: [32, 2], data: B } as const,
});
const loraBytes = serialize(factors('transformer.layers.1.attention.wo'));

const file = join(root, 'style.safetensors');
writeFileSync(file, loraBytes);

test('a LoRA counts by its weight, its alpha and the config beside it, streamed as well', async () => {
  const folder = join(root, 'peft');
  mkdirSync(folder);
  writeFileSync(join(folder, 'adapter_model.safetensors'), loraBytes);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ r: 2, lora_alpha: 1 }));
  const full = await latents({ loras: [{ source: file }] });
  expect(full).not.toEqual(plain);
  const same: LoraFile[][] = [[{ source: loraBytes }], [{ source: folder, weight: 2 }]];
  for (const loras of same) expect(await latents({ loras })).toEqual(full);
  expect(await latents({ loras: [{ source: file, weight: 0 }] })).toEqual(plain);
  expect(await latents({ loras: [{ source: file }], maxMemory: least + 2 ** 14 })).toEqual(full); // merging needs more
  const half = await latents({ loras: [{ source: folder }] });
  expect(half).not.toEqual(full);
  expect(half).not.toEqual(plain);
  const rank = serialize(factors('transformer.layers.1.attention.wo'), {
    lora_adapter_metadata: JSON.stringify({ 'transformer.lora_alpha': 1, 'transformer.use_rslora': false }),
  });
  expect(await latents({ loras: [{ source: rank }] })).toEqual(half);
});

test('the query of an address goes with every request, and into no message', async () => {
  const asked: string[] = [];
  const fetcher: typeof fetch = (input, init) => {
    asked.push(new URL(String(input)).search);
    return fetch(input, init);
  };
  const { url, close } = await served(root);
  try {
    const options = { fetch: fetcher };
    for (const path of ['style.safetensors', 'peft'])
      for (const lora of await openLoras([{ source: `${url}/${path}?sig=a%2Fb` }], options))
        await lora.close();
    const files = openFiles(new URL(`${url}/peft?sig=a%2Fb`), options);
    expect(await files.folder('')('adapter_config.json')).toBeDefined();
    expect(await files.folder('no such folder')('adapter_config.json')).toBeUndefined();
    expect(files.label).toBe(`${url}/peft/`);
    await expect(openLoras([{ source: `${url}/none.safetensors?sig=a%2Fb` }], options)).rejects.toThrow(
      `lora: there is no file ${url}/none.safetensors`,
    );
    expect(asked.length).toBeGreaterThan(5);
    expect(new Set(asked)).toEqual(new Set(['?sig=a%2Fb']));
  } finally {
    close();
  }
});

test('a path is not an address, whatever it contains', async () => {
  const folder = join(root, '50% #1?');
  mkdirSync(folder);
  const file = join(folder, 'a%20b#c?.safetensors');
  writeFileSync(file, loraBytes);
  expect(await latents({ loras: [{ source: file }] })).toEqual(
    await latents({ loras: [{ source: loraBytes }] }),
  );
});

test.each([
  ['not JSON', '{', CheckpointError, /adapter_config\.json is not JSON/],
  ['a DoRA', '{ "use_dora": true }', InputError, /is a DoRA, which cannot be merged here$/],
])('a config that is %s: said, and the file is closed', async (name, config, kind, said) => {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'adapter_model.safetensors'), loraBytes);
  writeFileSync(join(folder, 'adapter_config.json'), config);
  const [opened, closed] = [vi.spyOn(Safetensors, 'open'), vi.spyOn(Safetensors.prototype, 'close')];
  const failing = openLoras([{ source: file }, { source: folder }]);
  await expect(failing).rejects.toThrow(said);
  await expect(failing).rejects.toBeInstanceOf(kind);
  expect([opened.mock.calls.length, closed.mock.calls.length]).toEqual([2, 2]);
  vi.restoreAllMocks();
});

test.each<[string, FromPretrainedOptions, RegExp]>([
  [
    'a LoRA that fits nowhere',
    { loras: [{ source: serialize(factors('unet.down.0')) }] },
    /^lora: this LoRA does not fit the model: the model has no unet\.down\.0\.weight \(/,
  ],
  [
    'a LoRA of another width',
    { loras: [{ source: serialize(factors('layers.0.attention.wq', 16)) }] },
    /: layers\.0\.attention\.wq: A \[2, 16\] and B \[32, 2\] do not fit \[32, 32\]$/,
  ],
  [
    'a LoRA that is not there',
    { loras: [{ source: join(root, 'none.safetensors') }] },
    /^lora: there is no file .*none\.safetensors$/,
  ],
  [
    'a folder without one',
    { loras: [{ source: TINY }] },
    /^lora: there is no file .*adapter_model\.safetensors$/,
  ],
  [
    'a file that is named like a folder',
    { loras: [{ source: join(TINY, 'model_index.json') }] },
    /^lora: there is no file .*model_index\.json\/adapter_model\.safetensors$/,
  ],
  [
    'a weight that is none',
    { loras: [{ source: loraBytes, weight: Number.NaN }] },
    /^lora: weight must be a number/,
  ],
  [
    'too little memory',
    { maxMemory: 4096 },
    /transformer: dit: maxMemory of 4 KiB is too small for one layer: /,
  ],
  ['no memory', { maxMemory: 0 }, /^checkpoint: maxMemory must be bytes above 0, got 0$/],
])('%s: one line, before anything is loaded', async (_, options, said) => {
  const told: unknown[] = [];
  const onProgress = (progress: unknown) => void told.push(progress);
  const error = await latents({ ...options, onProgress }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(said);
  expect((error as Error).message).not.toContain('\n');
  expect(told).toEqual([]);
});

test('values of options', () => {
  const amounts = ['8GiB', '1.5 MiB', '500MB', '12', '2KB', '2kB'].map(bytesValue);
  expect(amounts).toEqual([8 * 2 ** 30, 1.5 * 2 ** 20, 5e8, 12, 2000, 2000]);
  for (const text of ['', '0', '-1', '8 GiBs', 'lots', '1e3'])
    expect(() => bytesValue(text)).toThrow('amount of memory');
  expect(loraValue('a.safetensors')).toEqual([{ source: 'a.safetensors' }]);
  expect(loraValue('https://x/a.safetensors:-.5', [{ source: 'b' }])).toEqual([
    { source: 'b' },
    { source: 'https://x/a.safetensors', weight: -0.5 },
  ]);
  expect(loraValue('https://x:80/a')).toEqual([{ source: 'https://x:80/a' }]);
});
