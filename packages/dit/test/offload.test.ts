// Layers that are streamed: the same numbers, within the bound, the next one on its way, and a stop that is felt.

import {
  DiT,
  type DiTConfig,
  isLinearWeight,
  loadDiT,
  parseConfig,
  placeLayers,
  StreamedDiT,
  type TextStates,
  type VelocityModel,
} from '@moviegen/dit';
import { type Device, randn, Tensor, type WeightSource, WeightsError } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { beforeAll, expect, test } from 'vitest';

const LAYERS = 4;
const config: DiTConfig = parseConfig({
  in_channels: 4,
  hidden_size: 32,
  num_layers: LAYERS,
  num_heads: 2,
  ffn_hidden_size: 64,
  timestep_dim: 16,
  max_grid: [2, 3, 3],
  text_dims: { ul2: 8, byt5: 6 },
});
const shapes = DiT.weightShapes(config);
const values = new Map<string, Uint8Array>();

/** The model's file in memory, that notes which layers it is asked for. */
function file(asked: string[] = [], wait = async () => {}): WeightSource {
  return {
    names: () => Object.keys(shapes),
    shape: (name) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name) => values.get(name)!,
    async *pieces(names, { signal } = {}) {
      for (const layer of new Set(names.map((name) => /^layers\.(\d+)/.exec(name)?.[1] ?? 'base')))
        asked.push(`load ${layer}`);
      for (const name of names) {
        await wait();
        signal?.throwIfAborted();
        yield { name, data: values.get(name)! };
      }
    },
  };
}

let device: Device;
let plain: DiT;
let latents: Tensor;
let t: Tensor;
let parts: TextStates;
/** Bytes of the model, and the least with which a layer passes. */
let [total, least] = [0, 0];

const bound = (source: WeightSource, bytes: number) =>
  placeLayers(source, config, { linear: isLinearWeight }, bytes);
/** The model with as many of its layers streamed as the bound asks for. */
const streamed = async (source: WeightSource, maxMemory: number): Promise<StreamedDiT> => {
  const dit = await loadDiT(device, source, config, { maxMemory });
  if (dit instanceof StreamedDiT) return dit;
  throw new Error('the whole model fits');
};
const velocity = async (dit: VelocityModel) => {
  const streams = dit instanceof StreamedDiT;
  const context = streams ? await dit.contextAsync(parts) : dit.context(parts);
  try {
    const result = streams ? await dit.forwardAsync(latents, t, context) : dit.forward(latents, t, context);
    const numbers = await result.read();
    result.dispose();
    return numbers;
  } finally {
    context.dispose();
  }
};

beforeAll(async () => {
  device = await testDevice();
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
    const tensor = randn(device, shape, { seed: i });
    values.set(name, new Uint8Array((await tensor.read()).map((value) => 0.2 * value).buffer));
    tensor.dispose();
  }
  plain = await DiT.load(device, file(), config);
  latents = randn(device, [1, 4, 2, 4, 6], { seed: 100 });
  t = Tensor.from(device, [0.3]);
  parts = {
    ul2: { states: randn(device, [2, 5, 8], { seed: 101 }), lengths: [5, 2] },
    byt5: { states: randn(device, [2, 3, 6], { seed: 102 }), lengths: [0, 3] },
  };
  total = bound(file(), Number.MAX_SAFE_INTEGER).bytes;
  const error = (() => {
    try {
      return bound(file(), 1);
    } catch (thrown) {
      return thrown as Error;
    }
  })();
  least = Number(/at least (\d+) KiB$/.exec((error as Error).message)![1]) * 1024;
});

test('whatever streams, the numbers are those of the resident model, bit for bit', async () => {
  const context = plain.context(parts);
  const wanted = await plain.forward(latents, t, context).read();
  context.dispose();
  expect(await velocity(plain)).toEqual(wanted);
  const seen = new Set<number>();
  for (const maxMemory of [least, (least + total) / 2, total - 1, total]) {
    const { used } = device.memory();
    const dit = await loadDiT(device, file(), config, { maxMemory });
    seen.add(dit instanceof StreamedDiT ? dit.residentLayers : LAYERS);
    for (let round = 0; round < 2; round++) expect(await velocity(dit)).toEqual(wanted);
    dit.dispose();
    expect(device.memory().used).toBe(used);
  }
  expect(seen.size).toBeGreaterThan(2);
  expect(seen).toContain(0);
  expect(seen).toContain(LAYERS);
});

test('no prompt has a token', async () => {
  const nothing = { ul2: { states: parts.ul2!.states, lengths: [0, 0] } };
  const context = plain.context(nothing);
  const wanted = await plain.forward(latents, t, context).read();
  const dit = await streamed(file(), least);
  const same = await dit.contextAsync(nothing);
  expect(same.layers).toBeUndefined();
  expect(await (await dit.forwardAsync(latents, t, same)).read()).toEqual(wanted);
  dit.dispose();
});

test('the weights stay within the bound', async () => {
  const { used } = device.memory();
  const dit = await streamed(file(), least);
  expect(dit.residentLayers).toBe(0);
  const held = device.memory().used - used;
  const context = await dit.contextAsync(parts);
  const measured = async (model: VelocityModel, run: () => Promise<Tensor>) => {
    const before = device.memory().used;
    device.resetPeak();
    (await run()).dispose();
    await device.sync();
    expect(model.dtype).toBe('f32');
    return device.memory().peakUsed - before;
  };
  const other = plain.context(parts);
  const activations = await measured(plain, async () => plain.forward(latents, t, other));
  const streaming = await measured(dit, () => dit.forwardAsync(latents, t, context));
  expect(held + streaming - activations).toBeLessThan(least);
  expect(held).toBeLessThan(total / 2);
  for (const one of [context, other, dit]) one.dispose();
});

test('the next layer is on its way before the current one is computed', async () => {
  const events: string[] = [];
  const dit = await streamed(file(events), least);
  const context = await dit.contextAsync(parts);
  events.length = 0;
  const trace = (name: string) => {
    const [, i] = /^layers\.(\d+)$/.exec(name) ?? [];
    if (i !== undefined) events.push(`compute ${i}`);
  };
  (await dit.forwardAsync(latents, t, context, { trace })).dispose();
  const later = [1, 2, 3].flatMap((i) => [`load ${i}`, `compute ${i - 1}`]);
  expect(events).toEqual(['load 0', ...later, 'compute 3']);
  context.dispose();
  dit.dispose();
});

test('a stop is felt within a layer, and leaves nothing behind', async () => {
  const asked: string[] = [];
  let stalled = false;
  const never = () => (stalled ? new Promise<void>(() => {}) : Promise.resolve());
  const dit = await streamed(file(asked, never), least);
  const context = await dit.contextAsync(parts);
  const { used } = device.memory();
  const stop = new AbortController();
  const trace = (name: string) => {
    if (name !== 'layers.1') return;
    stalled = true; // the disk hangs
    setTimeout(() => stop.abort(new Error('enough')), 20);
  };
  const { signal } = stop;
  await expect(dit.forwardAsync(latents, t, context, { signal, trace })).rejects.toThrow('enough');
  expect(asked.at(-1)).toBe('load 2');
  await expect(dit.forwardAsync(latents, t, context, { signal })).rejects.toThrow('enough');
  await expect(dit.contextAsync(parts, { signal })).rejects.toThrow('enough');
  stalled = false;
  await device.sync();
  // What the hanging disk has not given is all that may still be held.
  expect(device.memory().used - used).toBeLessThan((least * 2) / 3);
  context.dispose();
  dit.dispose();
});

test('a source that fails is heard, and the model works on', async () => {
  let fails = false;
  const wait = async () => {
    if (fails) throw new Error('disk');
  };
  const dit = await streamed(file([], wait), least);
  const context = await dit.contextAsync(parts);
  const wanted = await (await dit.forwardAsync(latents, t, context)).read();
  const { used } = device.memory();
  fails = true;
  await expect(dit.forwardAsync(latents, t, context)).rejects.toThrow('disk');
  expect(device.memory().used).toBe(used);
  fails = false;
  expect(await (await dit.forwardAsync(latents, t, context)).read()).toEqual(wanted);
  context.dispose();
  dit.dispose();
});

test('what cannot be is said beforehand', async () => {
  const { used } = device.memory();
  const asked: string[] = [];
  const small = loadDiT(device, file(asked), config, { maxMemory: least / 2 });
  await expect(small).rejects.toBeInstanceOf(WeightsError);
  await expect(small).rejects.toThrow(
    /^dit: maxMemory of \d+ KiB is too small for one layer: [^\n]+ give at least \d+ KiB$/,
  );
  const lacking = { ...file(asked), names: () => Object.keys(shapes).slice(0, -3) };
  await expect(loadDiT(device, lacking, config, { maxMemory: least })).rejects.toThrow('3 missing');
  expect(asked).toEqual([]);
  for (const maxMemory of [0, -1, Number.NaN])
    await expect(loadDiT(device, file(), config, { maxMemory })).rejects.toThrow('maxMemory must be bytes');
  const dit = await streamed(file(), least);
  const context = await dit.contextAsync(parts);
  expect('forward' in dit || 'context' in dit).toBe(false); // only asynchronous ones
  context.dispose();
  dit.dispose();
  expect(device.memory().used).toBe(used);
});
