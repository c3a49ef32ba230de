// Layers that are streamed, and steps that are skipped.

import { type Device, StepCache, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import {
  loadWanTransformer,
  placeTransformerLayers,
  StreamedWanTransformer,
  type WanConditions,
  WanTransformer,
} from '@moviegen/wan';
import { beforeAll, expect, test } from 'vitest';
import { fileOf, noise, read, smallConfig, smallWeights } from './small.ts';

const config = smallConfig({ image_dim: 8, added_kv_proj_dim: 64, num_layers: 4 });
let device: Device;
let weights: Map<string, Uint8Array>;
let resident: WanTransformer;
let conditions: WanConditions;
let latents: Tensor;
const times: Tensor[] = [];

const place = (bytes: number) => placeTransformerLayers(fileOf(config, weights), config, {}, bytes);
const streaming = async (asked?: string[], wait?: () => Promise<void>): Promise<StreamedWanTransformer> => {
  const { bytes } = place(Number.MAX_SAFE_INTEGER);
  const maxMemory = Math.ceil(bytes * 0.85);
  const model = await loadWanTransformer(device, fileOf(config, weights, asked, wait), config, { maxMemory });
  if (model instanceof StreamedWanTransformer) return model;
  throw new Error('the whole model fits');
};

beforeAll(async () => {
  device = await testDevice();
  weights = await smallWeights(device, config);
  resident = await WanTransformer.load(device, fileOf(config, weights), config);
  latents = noise(device, [1, 4, 2, 4, 6], 1);
  conditions = {
    states: noise(device, [2, 6, 12], 2),
    lengths: [6, 2],
    image: noise(device, [1, 3, 8], 3),
  };
  for (const time of [900, 900.02, 400]) times.push(Tensor.from(device, [time]));
});

test('whatever streams, the numbers are those of the resident model, bit for bit', async () => {
  const context = resident.context(conditions);
  const wanted = await read(resident.forward(latents, times[0]!, context));
  context.dispose();
  const { bytes } = place(Number.MAX_SAFE_INTEGER);
  const { used } = device.memory();
  const seen = new Set<number>();
  for (const share of [0.85, 0.95, 0.999, 1]) {
    const maxMemory = Math.ceil(bytes * share);
    const model = await loadWanTransformer(device, fileOf(config, weights), config, { maxMemory });
    const streams = model instanceof StreamedWanTransformer;
    seen.add(streams ? model.residentLayers : config.numLayers);
    const own = streams ? await model.contextAsync(conditions) : model.context(conditions);
    for (let round = 0; round < 2; round++)
      expect(await read(await model.forwardAsync(latents, times[0]!, own))).toEqual(wanted);
    for (const one of [own, model]) one.dispose();
    expect(device.memory().used).toBe(used);
  }
  expect(seen.size).toBeGreaterThan(1);
  expect(seen).toContain(config.numLayers);
  expect(() => place(1000)).toThrow(/^wan: maxMemory of \d+ KiB is too small for one layer/);
});

test('a stop is felt within a layer, and leaves nothing behind', async () => {
  let fails = false;
  const model = await streaming([], async () => {
    if (fails) throw new Error('disk');
  });
  const context = await model.contextAsync(conditions);
  const { used } = device.memory();
  const stop = new AbortController();
  const trace = (name: string) => name === 'blocks.0' && stop.abort(new Error('enough'));
  for (const one of [model, resident]) {
    const run = one.forwardAsync(latents, times[0]!, context, { signal: stop.signal, trace });
    await expect(run).rejects.toThrow('enough');
  }
  fails = true;
  await expect(model.forwardAsync(latents, times[0]!, context)).rejects.toThrow('disk');
  await expect(model.contextAsync(conditions)).rejects.toThrow('disk');
  await device.sync();
  expect(device.memory().used).toBe(used);
  for (const one of [context, model]) one.dispose();
});

test('a step is skipped where block 0 adds nearly what it added before', async () => {
  const context = resident.context(conditions);
  const cache = new StepCache({ threshold: 0.02 });
  const added: Float32Array[] = []; // by block 0, at every step
  const run = async (step: number) => {
    const seen = new Map<string, Promise<ArrayLike<number>>>();
    const trace = (name: string, value: Tensor) => void seen.set(name, value.read());
    const result = await read(await resident.forwardAsync(latents, times[step]!, context, { cache, trace }));
    const [before, after] = [await seen.get('patch_embedding')!, await seen.get('blocks.0')!];
    const shared = Array.from({ length: after.length }, (_, i) => before[i % before.length]!);
    added.push(Float32Array.from(shared, (value, i) => after[i]! - value));
    return { result, ran: [...seen.keys()].filter((name) => /^blocks\.\d+$/.test(name)).length };
  };
  const plain = async (step: number) => read(resident.forward(latents, times[step]!, context));

  const first = await run(0);
  expect(first.result).toEqual(await plain(0));
  expect([cache.computed, cache.skipped, cache.change]).toEqual([1, 0, undefined]);
  const second = await run(1);
  expect([cache.computed, cache.skipped, first.ran, second.ran]).toEqual([1, 1, 4, 1]);
  const sum = (values: Float32Array) => values.reduce((total, value) => total + Math.abs(value), 0);
  const change = sum(added[1]!.map((value, i) => value - added[0]![i]!)) / sum(added[0]!);
  expect(cache.change).toBeCloseTo(change, 4);
  const exact = await plain(1);
  const difference = second.result.map((value, i) => value - exact[i]!);
  expect(sum(difference) / sum(exact)).toBeLessThan(0.05);
  expect(second.result).not.toEqual(first.result);
  const third = await run(2); // far from the first
  expect(third.result).toEqual(await plain(2));
  expect([cache.computed, cache.skipped]).toEqual([2, 1]);
  const { used } = device.memory();
  cache.dispose();
  expect(device.memory().used).toBeLessThan(used);
  context.dispose();
});

test('the same step again gives the same; streamed layers are then not loaded', async () => {
  const asked: string[] = [];
  const model = await streaming(asked);
  const context = await model.contextAsync(conditions);
  const cache = new StepCache({ threshold: 1e-6 });
  const first = await read(await model.forwardAsync(latents, times[0]!, context, { cache }));
  asked.length = 0;
  const again = await read(await model.forwardAsync(latents, times[0]!, context, { cache }));
  expect(asked.length).toBeLessThanOrEqual(2); // block 0, and the next one that was on its way
  for (const [i, value] of again.entries()) expect(Math.abs(value - first[i]!)).toBeLessThan(1e-5);
  const other = noise(device, [1, 4, 2, 4, 4], 1);
  await expect(model.forwardAsync(other, times[0]!, context, { cache })).rejects.toThrow('its own cache');
  expect(() => new StepCache({ threshold: -1 })).toThrow('threshold');
  const { used } = device.memory();
  cache.reset();
  await read(await model.forwardAsync(other, times[0]!, context, { cache }));
  expect(cache.computed).toBe(2);
  cache.dispose();
  expect(device.memory().used).toBeLessThanOrEqual(used);
  for (const one of [other, context, model]) one.dispose();
});
