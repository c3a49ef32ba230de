// What the fixtures cannot show: batches, ranges of tokens, small bindings, recordings, memory, and what is refused.

import { type Device, Tensor } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { WanTransformer, type WanTransformerConfig } from '@moviegen/wan';
import { beforeAll, expect, test } from 'vitest';
import { fileOf, noise, read, smallConfig, smallWeights } from './small.ts';

const config = smallConfig();
let device: Device;
let model: WanTransformer;
let [latents, t, states]: Tensor[] = [];
const lengths = [5, 12, 0];

const loaded = async (on: Device, given: WanTransformerConfig) =>
  WanTransformer.load(on, fileOf(given, await smallWeights(on, given)), given);

beforeAll(async () => {
  device = await testDevice();
  model = await loaded(device, config);
  latents = noise(device, [3, 4, 2, 4, 6], 1);
  t = Tensor.from(device, [999, 31, 500]);
  states = noise(device, [3, 12, 12], 2); // what lies beyond a length must not matter
});

/** The prediction for one prompt on its own. */
async function alone(b: number, options = {}): Promise<Float32Array> {
  const one = async (tensor: Tensor) => {
    const each = tensor.size / 3;
    const values = (await tensor.read()).slice(b * each, (b + 1) * each);
    return Tensor.from(device, Float32Array.from(values), [1, ...tensor.shape.slice(1)]);
  };
  const [x, text] = [await one(latents!), await one(states!)];
  const time = Tensor.from(device, [(await t!.read())[b]!]);
  const context = model.context({ states: text, lengths: [lengths[b]!], textLength: 12 });
  const values = await read(model.forward(x, time, context, options));
  for (const used of [x, text, time, context]) used.dispose();
  return values;
}

test.each([false, true])(
  'a batch of different lengths is each prompt alone; first frame clean: %s',
  async (firstFrameClean) => {
    const context = model.context({ states: states!, lengths, textLength: 12 });
    const batch = await read(model.forward(latents!, t!, context, { firstFrameClean }));
    context.dispose();
    const each = batch.length / 3;
    for (const b of [0, 1, 2]) {
      const part = batch.subarray(b * each, (b + 1) * each);
      expect(compareArrays(part, await alone(b, { firstFrameClean })).error).toBeLessThan(2e-6);
    }
  },
);

test('one row of zeros with its weight equals all rows of zeros', async () => {
  const all = await states!.read();
  const zeroed = all.map((value, i) => (Math.floor(i / 12) % 12 < lengths[Math.floor(i / 144)]! ? value : 0));
  const written = Tensor.from(device, Float32Array.from(zeroed), [3, 12, 12]);
  const [short, whole] = [
    model.context({ states: states!, lengths, textLength: 12 }),
    model.context({ states: written, lengths: [12, 12, 12], textLength: 12 }),
  ];
  const wanted = await read(model.forward(latents!, t!, whole));
  expect(compareArrays(await read(model.forward(latents!, t!, short)), wanted).error).toBeLessThan(2e-6);
  const other = model.context({ states: states!, lengths, textLength: 13 });
  expect(compareArrays(await read(model.forward(latents!, t!, other)), wanted).error).toBeGreaterThan(1e-4);
  for (const used of [written, short, whole, other]) used.dispose();
});

test('a clean first frame is at time 0, the others are not', async () => {
  const context = model.context({ states: states!, lengths });
  const zero = Tensor.from(device, [0]);
  const clean = await read(model.forward(latents!, zero, context, { firstFrameClean: true }));
  expect(compareArrays(clean, await read(model.forward(latents!, zero, context))).error).toBeLessThan(2e-6);
  const time = Tensor.from(device, [700]);
  const mixed = await read(model.forward(latents!, time, context, { firstFrameClean: true }));
  expect(compareArrays(mixed, await read(model.forward(latents!, time, context))).error).toBeGreaterThan(
    1e-3,
  );
  for (const used of [context, zero, time]) used.dispose();
});

test('the time is embedded as PyTorch does', async () => {
  const golden: Record<number, readonly number[]> = {
    999: [0.99965, 0.963785, -0.399021, -0.84447, 0.994243, -0.026461, -0.266679, -0.535603, 0.107147],
    500: [-0.883849, 0.945946, 0.848507, 0.283662, 0.998557, -0.467772, 0.324325, -0.958924, 0.053705],
  };
  const context = model.context({ states: states!, lengths });
  for (const [time, wanted] of Object.entries(golden)) {
    let values: Promise<ArrayLike<number>> | undefined;
    const trace = (name: string, value: Tensor) => {
      if (name === 'condition_embedder.timesteps_proj') values = value.read();
    };
    const now = Tensor.from(device, [Number(time)]);
    model.forward(latents!, now, context, { trace }).dispose();
    now.dispose();
    const got = (await values)!;
    const at = [0, 1, 2, 64, 127, 128, 129, 192, 255];
    // PyTorch's angles are products in f32, wrong by up to 5e-5 at 999; ours are exact.
    for (const [i, entry] of at.entries()) expect(Math.abs(got[entry]! - wanted[i]!)).toBeLessThan(1e-4);
  }
  context.dispose();
});

test('tokens range by range, shared samples and prepared positions give the same', async () => {
  const x = noise(device, [1, 4, 3, 16, 20], 4); // 240 tokens a sample: ranges of 64, and a frame of 80 that they cut
  const time = Tensor.from(device, [640]);
  const context = model.context({ states: states!, lengths });
  for (const firstFrameClean of [false, true]) {
    const whole = await read(model.forward(x, time, context, { firstFrameClean }));
    for (const tokensAtOnce of [64, 100]) {
      const ranges = await read(model.forward(x, time, context, { firstFrameClean, tokensAtOnce }));
      expect(compareArrays(ranges, whole).error).toBeLessThan(2e-6);
    }
    model.preparePositions(x.shape);
    expect(await read(await model.forwardAsync(x, time, context, { firstFrameClean }))).toEqual(whole);
    const recording = device.record(() => model.forward(x, time, context, { firstFrameClean }));
    expect(Float32Array.from(await recording.run().read())).toEqual(whole);
    recording.destroy();
  }
  for (const used of [x, time, context]) used.dispose();
});

test('an image may be shared by all prompts', async () => {
  const given = smallConfig({ image_dim: 8, added_kv_proj_dim: 64, pos_embed_seq_len: 6, num_layers: 1 });
  const own = await loaded(device, given);
  const two = noise(device, [2, 3, 8], 5); // first and last image
  const joined = two.reshape([1, 6, 8]);
  const results = [];
  for (const image of [two, joined]) {
    const context = own.context({ states: states!, lengths, image });
    results.push(await read(own.forward(latents!, t!, context)));
    context.dispose();
  }
  expect(results[0]).toEqual(results[1]);
  expect(() => own.context({ states: states!, lengths })).toThrow("needs the image encoder's states");
  const bad = noise(device, [2, 4, 8], 5);
  expect(() => own.context({ states: states!, lengths, image: bad })).toThrow('image states must be');
  for (const used of [own, two, joined, bad]) used.dispose();
});

test('a device that binds little computes the same', async () => {
  const limits = { maxStorageBufferBindingSize: 2 ** 14, maxBufferSize: 2 ** 14 + 512 };
  const small = await openDevice({ limits });
  const few = smallConfig({ num_layers: 1, ffn_dim: 64 });
  try {
    const forward = async (on: Device) => {
      const own = await loaded(on, few);
      const x = noise(on, [1, 4, 3, 8, 16], 1); // 96 tokens of 256 bytes
      const [time, text] = [Tensor.from(on, [640]), noise(on, [2, 5, 12], 2)];
      const context = own.context({ states: text, lengths: [5, 3] });
      const values = await read(own.forward(x, time, context, { firstFrameClean: true }));
      for (const used of [x, time, text, context, own]) used.dispose();
      return values;
    };
    expect(compareArrays(await forward(small), await forward(device)).error).toBeLessThan(2e-6);
  } finally {
    small.destroy();
  }
});

test('nothing is left behind, also by what is refused', () => {
  const { used } = device.memory();
  const context = model.context({ states: states!, lengths });
  model.forward(latents!, t!, context).dispose();
  context.dispose();
  expect(() => model.context({ states: states!, lengths: [1, 2] })).toThrow('lengths must be 3 integers');
  expect(() => model.context({ states: states!, lengths: [1, 2, 13] })).toThrow('lengths must be 3 integers');
  expect(() => model.context({ states: latents!, lengths })).toThrow('text states must be [B, n, 12]');
  expect(() => model.context({ states: states!, lengths, image: states })).toThrow('takes no image states');
  const other = model.context({ states: states!, lengths });
  const odd = noise(device, [3, 4, 2, 3, 6], 1);
  expect(() => model.forward(odd, t!, other)).toThrow('latent H must be a multiple of 2');
  expect(() => model.forward(states!, t!, other)).toThrow('latents must be [B, 4, T, H, W]');
  expect(() => model.forward(latents!, latents!, other)).toThrow('t must be [3], or [1] for all');
  const long = noise(device, [1, 4, 1025, 2, 2], 1);
  expect(() => model.forward(long, t!, other)).toThrow('longer than 1024');
  for (const each of [odd, long, other]) each.dispose();
  expect(device.memory().used).toBe(used);
});
