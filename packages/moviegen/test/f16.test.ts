// The shipped models with weights and activations in f16 against the same in f32, where the adapter has f16.
import { fileURLToPath } from 'node:url';
import { DiT, parseConfig } from '@moviegen/dit';
import { psnr } from '@moviegen/evaluation';
import { randn, scope, scopeAsync, Tensor, type WeightSource } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { parseT5Config, T5Encoder } from '@moviegen/text';
import { afterAll, expect, test } from 'vitest';
import { openFiles } from '../src/checkpoint/files.ts';
import { loadModels } from '../src/families/movieGen/load.ts';
import type { MovieGenModels as Models } from '../src/families/movieGen/models.ts';
import { flowError } from './tinyUpsampler.ts';

const PROMPT = 'a big yellow square circles clockwise on a navy background';

const device = await testDevice();
const files = openFiles(fileURLToPath(new URL('../../../models/shapes-world', import.meta.url)));
const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
const models: Models[] = [];
for (const dtype of types) models.push(await loadModels(device, files, { dtype }));
afterAll(() => {
  for (const each of models) each.dispose();
});

/** A red square that moves over a gray background: [1, 3, 16, 64, 64]. */
function movingSquare(): Tensor {
  const [T, H, W] = [16, 64, 64];
  const data = new Float32Array(3 * T * H * W);
  for (let i = 0; i < data.length; i++) {
    const [c, t, y, x] = [
      Math.floor(i / (T * H * W)),
      Math.floor(i / (H * W)) % T,
      Math.floor(i / W) % H,
      i % W,
    ];
    const inside = Math.abs(y - 30) < 10 && Math.abs(x - 16 - 2 * t) < 10;
    data[i] = inside ? [0.8, -0.7, -0.7][c]! : 0;
  }
  return Tensor.from(device, data, [1, 3, T, H, W]);
}

test('the velocity', async () => {
  const velocities = await scopeAsync(device, async () => {
    const latents = randn(device, [2, 16, 2, 8, 8], { seed: 1 });
    const t = Tensor.from(device, [0.2, 0.9]);
    // What each model reads of a prompt, its encoders in its own type; numbers at random are no text to it.
    const outputs = models.map(({ dit, text }) => () => {
      const whole = dit as DiT; // no bound on memory: nothing is streamed
      return scope(device, () =>
        whole.forward(latents, t, whole.context(text.encode(['', PROMPT], { fps: 16 }))),
      );
    });
    await Promise.all(outputs.map((run) => device.warmUp(run)));
    return Promise.all(outputs.map((run) => run().read()));
  });
  const [full, half] = velocities;
  expect(full!.every(Number.isFinite)).toBe(true);
  if (!half) return; // this adapter has no f16
  let [difference, length] = [0, 0];
  full!.forEach((value, i) => {
    difference += (half[i]! - value) ** 2;
    length += value ** 2;
  });
  const error = Math.sqrt(difference / length);
  console.log(`velocity in f16: relative error ${error.toExponential(1)}`);
  expect(error).toBeLessThan(1e-2);
  expect(error).toBeGreaterThan(1e-6); // it was f16
}, 300_000);

test('a decoded video', async () => {
  await scopeAsync(device, async () => {
    const latent = scope(device, () => models[0]!.tae.encode(movingSquare()).mode());
    await Promise.all(models.map(({ tae }) => device.warmUp(() => tae.decode(latent, { numFrames: 16 }))));
    const videos = models.map(({ tae }) => tae.decode(latent, { numFrames: 16 }));
    expect((await videos[0]!.read()).every(Number.isFinite)).toBe(true);
    if (!videos[1]) return; // this adapter has no f16
    const decibels = await psnr(videos[1], videos[0]!);
    console.log(`video decoded in f16: ${decibels.toFixed(1)} dB`);
    expect(decibels).toBeGreaterThan(45);
    expect(decibels).toBeLessThan(120); // it was f16
  });
}, 300_000);

test('the flow of an upsampler, along windows, against the reference', async () => {
  const error = await flowError(device, types.at(-1)!);
  console.log(`upsampler in ${types.at(-1)}: relative error ${error.toExponential(1)}`);
  expect(error).toBeLessThan(2e-2);
  if (device.target.f16) expect(error).toBeGreaterThan(1e-5); // it was f16
}, 300_000);

/** Weights at random, some of them so large that what layers add to leaves the range of f16. */
async function loud(shapes: Readonly<Record<string, readonly number[]>>): Promise<WeightSource> {
  const values = new Map<string, Uint8Array>();
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
    const tensor = randn(device, shape, { seed: i });
    const scale = /(w2|wo|o)\.weight$/.test(name) && name.includes('0.') ? 1e4 : 0.3;
    values.set(name, new Uint8Array((await tensor.read()).map((value) => scale * value).buffer));
    tensor.dispose();
  }
  return {
    names: () => [...values.keys()],
    shape: (name) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name) => values.get(name)!,
  };
}

/** Holds what a model gives in f16 against f32, and that its layers added up more than f16 holds. */
async function compared(layer: string, run: (dtype: 'f32' | 'f16', trace: Trace) => Promise<Tensor>) {
  const read: Promise<Float32Array>[] = [];
  const trace: Trace = (name, value) => {
    if (name === layer) read.push(value.read() as Promise<Float32Array>);
  };
  const results: Float32Array[] = [];
  for (const dtype of types) {
    const result = await run(dtype, trace);
    results.push((await result.read()) as Float32Array);
    result.dispose();
  }
  for (const stream of await Promise.all(read))
    expect(Math.max(...stream.map(Math.abs))).toBeGreaterThan(65504);
  const [full, half] = results;
  expect(full!.every(Number.isFinite)).toBe(true);
  if (!half) return; // this adapter has no f16
  const error =
    Math.max(...half.map((value, i) => Math.abs(value - full![i]!))) / Math.max(...full!.map(Math.abs));
  expect(error).toBeLessThan(2e-2);
  expect(error).toBeGreaterThan(1e-6); // it was f16
}
type Trace = (name: string, value: Tensor) => void;

test('an encoder whose states leave the range of f16', async () => {
  const config = parseT5Config({
    ...{ model_type: 't5', vocab_size: 40, d_model: 32, num_layers: 2, num_heads: 2, d_kv: 16, d_ff: 48 },
    feed_forward_proj: 'gated-silu',
  });
  const source = await loud(T5Encoder.weightShapes(config));
  await compared('encoder.block.0', async (dtype, trace) => {
    const encoder = await T5Encoder.load(device, source, config, { dtype });
    const { states } = encoder.forward(
      [
        [5, 7, 11, 1],
        [3, 1],
      ],
      { trace },
    );
    encoder.dispose();
    return states;
  });
}, 300_000);

test('a transformer whose tokens leave the range of f16', async () => {
  const config = parseConfig({
    ...{
      in_channels: 4,
      hidden_size: 32,
      num_layers: 2,
      num_heads: 2,
      ffn_hidden_size: 48,
      timestep_dim: 16,
    },
    ...{ max_grid: [2, 3, 3], text_dims: { byt5: 8 } },
  });
  const source = await loud(DiT.weightShapes(config));
  const latents = randn(device, [1, 4, 2, 4, 6], { seed: 100 });
  const t = Tensor.from(device, [0.3]);
  const text = { byt5: { states: randn(device, [1, 3, 8], { seed: 101 }), lengths: [3] } };
  await compared('layers.0', async (dtype, trace) => {
    const dit = await DiT.load(device, source, config, { dtype });
    const context = dit.context(text);
    const velocity = dit.forward(latents, t, context, { trace });
    context.dispose();
    dit.dispose();
    return velocity;
  });
  for (const tensor of [latents, t, text.byt5.states]) tensor.dispose();
}, 300_000);
