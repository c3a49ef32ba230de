// umT5, whose layers each have a relative bias of their own, against transformers, layer by layer, and streamed a layer at a time
// against the whole, to the bit.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { openFile, openFolder } from '@moviegen/safetensors/node';
import type { Tensor, WeightSource } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import { parseT5Config, streamT5, T5Encoder } from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
const folder = fileURLToPath(new URL('../../wan/fixtures/t2v/', import.meta.url));
const json = JSON.parse(await readFile(`${folder}text_encoder/config.json`, 'utf8'));
const config = parseT5Config(json);
const weights = await openFolder(`${folder}text_encoder`);
const expected = await openFile(`${folder}expected/text.safetensors`);
afterAll(async () => {
  await Promise.all([weights.close(), expected.close()]);
  expect(device.memory().used).toBe(used);
});

const numbers = async (name: string) => new Float32Array((await expected.read(name)).buffer);
const integers = async (name: string) => new Int32Array((await expected.read(name)).buffer);
const [B, L, D] = expected.shape('output') as [number, number, number];
const [ids, mask] = [await integers('input.ids'), await integers('input.mask')];
const lengths = Array.from(
  { length: B },
  (_, b) => mask.subarray(b * L, (b + 1) * L).filter((on) => on).length,
);
const texts = lengths.map((length, b) => [...ids.subarray(b * L, b * L + length)]);
const longest = Math.max(...lengths);

/** The largest difference over the texts' tokens, as a share of the largest number; rows beyond a text say nothing. */
function differenceOf(got: ArrayLike<number>, right: Float32Array): number {
  let [most, off] = [0, 0];
  for (const [b, length] of lengths.entries())
    for (let i = 0; i < length * D; i++) {
      const [value, wanted] = [got[b * longest * D + i]!, right[b * L * D + i]!];
      most = Math.max(most, Math.abs(wanted));
      off = Math.max(off, Math.abs(value - wanted));
    }
  return off / most;
}

const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

test('every layer gives what transformers gives', async () => {
  const model = await T5Encoder.load(device, weights, config);
  const seen = new Map<string, Promise<ArrayLike<number>>>();
  const trace = (name: string, value: Tensor) => seen.set(name, value.read());
  const { states, lengths: told } = model.forward(texts, { trace });
  expect(told).toEqual(lengths);
  const layers = expected.names().filter((name) => name.startsWith('encoder.'));
  expect(layers.length).toBeGreaterThan(4);
  for (const name of layers)
    expect(differenceOf((await seen.get(name))!, await numbers(name)), name).toBeLessThan(1e-5);
  expect(differenceOf(await states.read(), await numbers('output')), 'output').toBeLessThan(1e-5);
  states.dispose();
  model.dispose();
});

test('each layer has its own bias', async () => {
  const model = await T5Encoder.load(device, weights, config);
  const seen = new Map<string, Promise<ArrayLike<number>>>();
  const tokens = [Array.from({ length: L }, (_, i) => i % config.vocabSize)];
  model.forward(tokens, { trace: (name, value) => seen.set(name, value.read()) }).states.dispose();
  for (let layer = 0; layer < config.numLayers; layer++) {
    const bias = (await seen.get(`encoder.block.${layer}.layer.0.SelfAttention.position_bias`))!; // [heads, L, L]
    for (const [row, name] of [
      [0, 'row0'],
      [L - 1, 'rowLast'],
    ] as const)
      for (const [i, value] of (await numbers(`bias.${layer}.${name}`)).entries())
        expect(bias[(Math.floor(i / L) * L + row) * L + (i % L)]).toBeCloseTo(value, 6);
  }
  model.dispose();
});

test.each(types)('a product of gate and value beyond the range of f16, %s', async (dtype) => {
  const factors = { wi_0: 800, wi_1: 800, wo: 1 / 800 ** 2 };
  const scaled = await Promise.all(
    weights.names().map(async (name) => {
      const factor = Object.entries(factors).find(([part]) => name.includes(part))?.[1] ?? 1;
      const data = bytesToFloats(await weights.read(name), weights.dtype(name)).map(
        (value) => value * factor,
      );
      return [name, { dtype: 'F32', shape: weights.shape(name), data }] as const;
    }),
  );
  const source = await Safetensors.open(serialize(scaled));
  const [halves, right] = [
    await T5Encoder.load(device, source, config, { dtype }),
    await T5Encoder.load(device, source, config),
  ];
  const states = [halves, right].map((model) => model.forward(texts).states);
  const [got, wanted] = await Promise.all(states.map((tensor) => tensor.read()));
  const off = Math.max(...Array.from(wanted!, (value, i) => Math.abs(value - got![i]!)));
  expect(off).toBeLessThan(0.03);
  for (const owned of [halves, right, ...states]) owned.dispose();
});

/** The source without ranges and pieces. */
const plain = (source: WeightSource): WeightSource => ({
  names: () => source.names(),
  shape: (name) => source.shape(name),
  dtype: (name) => source.dtype(name),
  read: (name, options) => source.read(name, options),
});
/** The source in pieces that end inside rows. */
const pieced = (source: WeightSource): WeightSource => ({
  ...plain(source),
  async *pieces(names, options) {
    for (const name of names) {
      const data = await source.read(name, options);
      for (let at = 0; at < data.length; at += 1000) yield { name, data: data.subarray(at, at + 1000) };
    }
  },
});

test.each(types)('streamed by layers: the same to the bit, %s', async (dtype) => {
  const model = await T5Encoder.load(device, weights, config, { dtype });
  const whole = model.forward(texts);
  const right = await whole.states.read();
  whole.states.dispose();
  const resident = device.memory().used;
  model.dispose();
  const before = device.memory().used;
  for (const source of [weights, plain(weights), pieced(weights)]) {
    const streamed = await streamT5(device, source, config, texts, { dtype });
    expect(streamed.lengths).toEqual(lengths);
    expect(await streamed.states.read()).toEqual(right);
    streamed.states.dispose();
  }
  expect(device.memory().used).toBe(before);
  expect(resident).toBeGreaterThan(before);
});

test('streamed: of the token table only the rows that occur are read', async () => {
  const reads: [string, number][] = [];
  const source: WeightSource = {
    ...pieced(weights),
    read: (name, options) => {
      expect(name).not.toBe('shared.weight');
      return weights.read(name, options);
    },
    range: async (name, start, end, options) => {
      reads.push([name, end - start]);
      return weights.range(name, start, end, options);
    },
  };
  const { states } = await streamT5(device, source, config, [[5, 9, 5, 1]]);
  states.dispose();
  expect(reads).toEqual(Array(4).fill(['shared.weight', 2 * D])); // 0, which pads, 1, 5 and 9
});

test('streamed: a model whose layers share one bias', async () => {
  const t5 = new URL('../../moviegen/fixtures/t5-gated-gelu/', import.meta.url);
  const shared = parseT5Config(JSON.parse(await readFile(new URL('config.json', t5), 'utf8')));
  const source = await Safetensors.open(await readFile(new URL('model.safetensors', t5)));
  const model = await T5Encoder.load(device, source, shared);
  const tokens = [[3, 4, 5, 1], [1]];
  const [whole, streamed] = [model.forward(tokens), await streamT5(device, source, shared, tokens)];
  expect(await streamed.states.read()).toEqual(await whole.states.read());
  for (const { states } of [whole, streamed]) states.dispose();
  model.dispose();
});

test('streamed: memory for one layer, however many there are', async () => {
  const deep = { ...config, numLayers: 8, hiddenSize: 64, ffnHiddenSize: 256 };
  const tensors = Object.entries(T5Encoder.weightShapes(deep)).map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.01);
    return [name, { dtype: 'F32', shape, data }] as const;
  });
  const source = await Safetensors.open(serialize(tensors));
  const { used: before } = device.memory();
  const model = await T5Encoder.load(device, source, deep);
  const whole = device.memory().used - before;
  model.dispose();
  let most = 0;
  const onProgress = () => {
    most = Math.max(most, device.memory().used - before);
  };
  const { states } = await streamT5(device, source, deep, [[5, 1]], { onProgress });
  expect(most).toBeLessThan(whole / 4);
  states.dispose();
});

test('streamed: progress of all layers, a stop within one, and errors before anything is read', async () => {
  const told: number[] = [];
  let total = 0;
  const { states } = await streamT5(device, weights, config, texts, {
    onProgress: ({ bytes, totalBytes }) => {
      told.push(bytes);
      total = totalBytes;
    },
  });
  states.dispose();
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.at(-1)).toBe(total);
  const { used: before } = device.memory();
  const stop = new AbortController();
  const reason = new Error('enough');
  let pieces = 0;
  const stopped = streamT5(device, weights, config, texts, {
    signal: stop.signal,
    onProgress: ({ name }) => {
      if (name.startsWith('encoder.block.1.')) {
        pieces++;
        stop.abort(reason);
      }
    },
  });
  await expect(stopped).rejects.toBe(reason);
  expect(pieces).toBe(1);
  const lacking = {
    ...plain(weights),
    names: () => weights.names().slice(1),
    read: () => expect.unreachable(),
  };
  await expect(streamT5(device, lacking, config, texts)).rejects.toThrow('1 missing');
  await expect(streamT5(device, weights, config, [[config.vocabSize]])).rejects.toThrow(
    `t5: a token is ${config.vocabSize}, expected an integer below ${config.vocabSize}`,
  );
  await expect(streamT5(device, weights, config, [[]])).rejects.toThrow('t5: no tokens');
  await device.sync();
  expect(device.memory().used).toBe(before);
});
