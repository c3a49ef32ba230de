// The DiT as a library: its public face, its errors, and what it leaves behind.

import { DiT, type DiTConfig, parseConfig } from '@moviegen/dit';
import { type Device, randn, StepCache, Tensor, type WeightSource } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, expect, test } from 'vitest';

const config: DiTConfig = parseConfig({
  in_channels: 4,
  hidden_size: 32,
  num_layers: 2,
  num_heads: 2,
  ffn_hidden_size: 40,
  timestep_dim: 16,
  max_grid: [2, 3, 3],
  text_dims: { ul2: 8, byt5: 6 },
});
const shapes = DiT.weightShapes(config);

let device: Device;
let dit: DiT;
let latents: Tensor;
let t: Tensor;
const made: Tensor[] = [];

const noise = (shape: readonly number[], seed: number): Tensor => {
  const tensor = randn(device, shape, { seed });
  made.push(tensor);
  return tensor;
};
const weights = () =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [name, randn(device, shape, { seed: i })]),
  );
const read = async (tensor: Tensor): Promise<number[]> => {
  const values = [...(await tensor.read())];
  tensor.dispose();
  return values;
};

beforeAll(async () => {
  device = await testDevice();
  dit = new DiT(device, config, weights());
  latents = noise([2, 4, 2, 4, 6], 100);
  t = Tensor.from(device, [0.2, 0.7]);
  made.push(t);
});

afterAll(() => {
  for (const tensor of made) tensor.dispose();
  dit.dispose();
});

const texts = () => ({
  ul2: { states: noise([2, 5, 8], 101), lengths: [5, 2] },
  byt5: { states: noise([2, 3, 6], 102), lengths: [0, 3] },
});

test("a context, and text in the model's width, give the same", async () => {
  const parts = texts();
  const context = dit.context(parts);
  const { text, lengths } = dit.embedText(parts);
  expect(lengths).toEqual([5, 5]);
  expect(text.shape).toEqual([2, 5, 32]);
  const velocity = dit.forward(latents, t, context);
  expect(velocity.shape).toEqual(latents.shape);
  const same = dit.contextOf({ text, lengths });
  expect(await read(dit.forward(latents, t, same))).toEqual(await read(velocity));
  for (const used of [text, context, same]) used.dispose();
});

test('each sample of a batch is computed as if alone', async () => {
  const parts = texts();
  const context = dit.context(parts);
  const both = await read(dit.forward(latents, t, context));
  const x = Tensor.from(device, (await latents.read()).slice(both.length / 2), [1, 4, 2, 4, 6]);
  const states = Tensor.from(device, (await parts.byt5.states.read()).slice(18), [1, 3, 6]);
  const ul2 = Tensor.from(device, (await parts.ul2.states.read()).slice(40, 56), [1, 2, 8]);
  const own = dit.context({ ul2: { states: ul2, lengths: [2] }, byt5: { states, lengths: [3] } });
  const t1 = Tensor.from(device, [0.7]);
  const alone = await read(dit.forward(x, t1, own));
  const largest = Math.max(...alone.map(Math.abs));
  const worst = Math.max(...alone.map((value, i) => Math.abs(value - both[both.length / 2 + i]!)));
  expect(worst / largest).toBeLessThan(1e-6); // the same sums, perhaps in other tiles
  for (const used of [context, own, x, states, ul2, t1]) used.dispose();
});

test('one sample and one time are shared by all prompts', async () => {
  const context = dit.context(texts());
  const one = Tensor.from(device, (await latents.read()).slice(0, 192), [1, 4, 2, 4, 6]);
  const twice = Tensor.from(device, [...(await one.read()), ...(await one.read())], [2, 4, 2, 4, 6]);
  const [t1, t2] = [Tensor.from(device, [0.4]), Tensor.from(device, [0.4, 0.4])];
  const shared = await read(dit.forward(one, t1, context));
  expect(shared).toEqual(await read(dit.forward(twice, t2, context)));
  expect(shared.slice(0, 192)).not.toEqual(shared.slice(192));
  for (const used of [context, one, twice, t1, t2]) used.dispose();
});

test('positions prepared beforehand and a recorded step change nothing', async () => {
  const context = dit.context(texts());
  const plain = await read(dit.forward(latents, t, context));
  dit.preparePositions(latents.shape);
  const recording = device.record(() => dit.forward(latents, t, context));
  recording.run();
  expect([...(await recording.result.read())]).toEqual(plain);
  expect(recording.size.dispatches / config.numLayers).toBeLessThan(20);
  recording.destroy();
  context.dispose();
});

test('latents are read, never changed, and nothing is left behind', async () => {
  const parts = texts();
  const before = await read(dit.forward(latents, t, dit.context(parts)));
  const values = await latents.read();
  const used = device.memory().used;
  const context = dit.context(parts);
  expect(await read(dit.forward(latents, t, context))).toEqual(before);
  context.dispose();
  expect(await latents.read()).toEqual(values);
  expect(device.memory().used).toBe(used);
  const other = new DiT(device, config, weights());
  other.dispose();
  expect(device.memory().used).toBe(used);
});

test('an asynchronous pass gives the same, stops between blocks, and may skip blocks', async () => {
  const context = dit.context(texts());
  const wanted = await read(dit.forward(latents, t, context));
  expect(await read(await dit.forwardAsync(latents, t, context))).toEqual(wanted);
  const cache = new StepCache({ threshold: 1e-6 });
  for (const skipped of [0, 1, 2]) {
    const values = await read(await dit.forwardAsync(latents, t, context, { cache }));
    expect(compareArrays(values, wanted).error).toBeLessThan(2e-6);
    expect([cache.computed, cache.skipped]).toEqual([1, skipped]);
  }
  const { used } = device.memory();
  const stop = new AbortController();
  const trace = (name: string) => name === 'layers.0' && stop.abort(new Error('enough'));
  cache.reset();
  const again = dit.forwardAsync(latents, t, context, { signal: stop.signal, trace, cache });
  await expect(again).rejects.toThrow('enough');
  expect(device.memory().used).toBeLessThan(used); // without what the cache held
  cache.dispose();
  context.dispose();
});

test('activations take no more memory in a deeper model', async () => {
  const x = noise([1, 4, 4, 16, 16], 1); // 256 tokens
  const t1 = Tensor.from(device, [0.5]);
  const peak = (numLayers: number) => {
    const deep = { ...config, numLayers };
    const own = Object.entries(DiT.weightShapes(deep)).map(([name, shape], i) => {
      return [name, randn(device, shape, { seed: i })] as const;
    });
    const model = new DiT(device, deep, Object.fromEntries(own));
    const { used } = device.memory();
    device.resetPeak();
    const { text, lengths } = model.embedText({ ul2: { states: noise([1, 5, 8], 2), lengths: [0] } });
    const context = model.contextOf({ text, lengths });
    model.forward(x, t1, context).dispose();
    for (const one of [text, context]) one.dispose();
    const { peakUsed } = device.memory();
    model.dispose();
    return peakUsed - used;
  };
  const activation = 256 * config.hiddenSize * 4;
  expect(peak(9) - peak(1)).toBeLessThan(activation);
  expect(peak(9)).toBeLessThan(12 * activation);
  t1.dispose();
});

test('tokens range by range give the same, in less memory', async () => {
  const x = noise([2, 4, 5, 16, 16], 1); // 320 tokens a sample: ranges of 64, and one of 128 that is cut short
  const wide = { ...config, ffnHiddenSize: 192, numLayers: 1 };
  const own = Object.entries(DiT.weightShapes(wide)).map(([name, shape], i) => {
    return [name, randn(device, shape, { seed: i })] as const;
  });
  const dit = new DiT(device, wide, Object.fromEntries(own));
  const context = dit.context(texts());
  for (const time of [t, Tensor.from(device, [0.3])]) {
    const run = async (tokensAtOnce: number) => {
      const used = device.memory().used;
      device.resetPeak();
      const velocity = dit.forward(x, time, context, { tokensAtOnce });
      const { peakUsed } = device.memory();
      return { values: await read(velocity), peak: peakUsed - used };
    };
    const whole = await run(640);
    for (const tokensAtOnce of [64, 100]) {
      const ranges = await run(tokensAtOnce);
      expect(compareArrays(ranges.values, whole.values).error).toBeLessThan(2e-6);
      expect(ranges.peak).toBeLessThan(whole.peak);
    }
    if (time !== t) time.dispose();
  }
  context.dispose();
  dit.dispose();
});

test.each([
  ['binds little', 2 ** 20],
  ['binds little and has small buffers', 4096 + 512], // weights and states lie in several
])('a device that %s computes the same', async (_, maxBufferSize) => {
  const limits = { maxStorageBufferBindingSize: 4096, maxBufferSize };
  const small = await openDevice({ limits });
  try {
    const forward = async (on: Device) => {
      const model = new DiT(
        on,
        config,
        Object.fromEntries(
          Object.entries(shapes).map(([name, shape], i) => [name, randn(on, shape, { seed: i })]),
        ),
      );
      const x = randn(on, [1, 4, 4, 8, 8], { seed: 1 }); // 64 tokens of 128 bytes
      const [time, states] = [Tensor.from(on, [0.4]), randn(on, [2, 5, 8], { seed: 2 })];
      const context = model.context({ ul2: { states, lengths: [5, 3] } });
      const velocity = model.forward(x, time, context);
      const values = await velocity.read();
      for (const used of [x, time, states, context, velocity, model]) used.dispose();
      return values;
    };
    expect(compareArrays(await forward(small), await forward(device)).error).toBeLessThan(2e-6);
  } finally {
    small.destroy();
  }
});

test('shapes that do not fit are said', () => {
  const context = dit.context(texts());
  const three = noise([3, 4, 2, 4, 6], 1);
  expect(() => dit.forward(noise([2, 4, 2, 3, 6], 1), t, context)).toThrow(
    'latent H must be a multiple of 2',
  );
  expect(() => dit.forward(noise([2, 5, 2, 4, 6], 1), t, context)).toThrow('latents must be [B, 4, T, H, W]');
  expect(() => dit.forward(three, t, context)).toThrow('text of 2 prompts does not fit 3 samples');
  expect(() => dit.forward(latents, three, context)).toThrow('t must be [2], or [1] for all');
  expect(() => dit.contextOf({ text: noise([2, 5, 31], 1), lengths: [5, 5] })).toThrow(
    'text must be [B, L, 32]',
  );
  expect(() => dit.contextOf({ text: noise([2, 5, 32], 1), lengths: [5, 6] })).toThrow(
    'textLengths must be 2 integers',
  );
  expect(() => dit.context({})).toThrow('text is empty');
  const states = noise([2, 3, 6], 1);
  expect(() => dit.context({ byt5: { states, lengths: [3] } })).toThrow('1 prompts expected');
  expect(() => dit.context({ byt5: { states, lengths: [4, 0] } })).toThrow('a length of byt5');
  expect(() => dit.context({ ul2: { states, lengths: [3, 3] } })).toThrow('states of ul2 must be [B, L, 8]');
  expect(() => dit.context({ metaclip: { states, lengths: [3, 3] } })).toThrow('no text encoder metaclip');
  context.dispose();
});

test('weights that do not fit are all listed', async () => {
  const wrong: Record<string, readonly number[]> = {
    ...shapes,
    'output.bias': [3],
    'layers.2.adaln_table': [6, 32],
  };
  delete wrong.final_table;
  const source: WeightSource = {
    names: () => Object.keys(wrong),
    shape: (name) => wrong[name]!,
    dtype: () => 'F32',
    read: async (name) => new Uint8Array(4 * wrong[name]!.reduce((a, b) => a * b, 1)),
  };
  const loading = DiT.load(device, source, config);
  for (const said of [
    /missing:\s+final_table \[2, 32\]/,
    /extra:\s+layers\.2\.adaln_table/,
    /output\.bias \[3\], expected \[16\]/,
  ])
    await expect(loading).rejects.toThrow(said);

  const given = weights();
  given['output.bias'] = noise([3], 1);
  delete given.final_table;
  expect(() => new DiT(device, config, given)).toThrow(
    /missing:\s+final_table[\s\S]*output\.bias \[3\], expected \[16\]/,
  );
});
