// The autoencoder as a stream: pieces agree with the whole, memory does not grow with time, errors, stops.

import { add, concat, type Device, dryDevice, mul, randn, scope, type Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAutoencoderConfig, WanAutoencoder, type WanAutoencoderConfig } from '../src/index.ts';
import { randomWeights } from './weights.ts';

const plain = parseAutoencoderConfig({ base_dim: 2, num_res_blocks: 1 });
const residual = parseAutoencoderConfig({
  base_dim: 2,
  decoder_base_dim: 4,
  num_res_blocks: 1,
  z_dim: 48,
  is_residual: true,
  patch_size: 2,
});

let device: Device;
const models: WanAutoencoder[] = [];
const made = (config: WanAutoencoderConfig) => {
  const model = new WanAutoencoder(
    device,
    config,
    randomWeights(device, WanAutoencoder.weightShapes(config)),
  );
  models.push(model);
  return model;
};
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  for (const model of models) model.dispose();
});

/** The largest difference of two tensors, over the largest number of the second. */
async function difference(a: Tensor, b: Tensor): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [Array.from(await a.read()), Array.from(await b.read())];
  const largest = (of: (i: number) => number) =>
    y.reduce((most: number, _, i) => Math.max(most, Math.abs(of(i))), 0);
  return largest((i) => x[i]! - y[i]!) / largest((i) => y[i]!);
}

async function* pieces(lengths: readonly number[], H: number, W: number): AsyncGenerator<Tensor> {
  for (const [seed, length] of lengths.entries()) {
    const piece = randn(device, [1, 3, length, H, W], { seed });
    try {
      yield piece;
    } finally {
      piece.dispose();
    }
  }
}

const joined = (parts: readonly Tensor[]) => concat(parts, { axis: 2 });

test.each([
  ['2.1', plain],
  ['2.2', residual],
] as const)('%s: pieces of any lengths are coded as the whole video is', async (_, config) => {
  const model = made(config);
  const lengths = [3, 1, 7, 2]; // 13 frames
  const means: Tensor[] = [];
  for await (const { mean, logvar } of model.encodeTiled(pieces(lengths, 32, 48))) {
    means.push(mean);
    logvar.dispose();
  }
  expect(means.map(({ shape }) => shape[2])).toEqual([1, 1, 1, 1]);
  const parts: Tensor[] = [];
  for (const [seed, length] of lengths.entries()) parts.push(randn(device, [1, 3, length, 32, 48], { seed }));
  const whole = model.encode(joined(parts));
  expect(await difference(joined(means), whole.mean)).toBeLessThan(1e-5);

  const z = whole.mode();
  const frames: Tensor[] = [];
  for await (const piece of model.decodeTiled(z, { numFrames: 13 })) frames.push(piece);
  expect(frames.map(({ shape }) => shape[2])).toEqual([1, 4, 4, 4]);
  expect(await difference(joined(frames), model.decode(z))).toBeLessThan(1e-5);
});

test('a later frame changes no earlier one', async () => {
  const model = made(plain);
  const video = randn(device, [1, 3, 9, 16, 16], { seed: 1 });
  const changed = add(
    video,
    concat(
      [mul(randn(device, [1, 3, 5, 16, 16], { seed: 2 }), 0), randn(device, [1, 3, 4, 16, 16], { seed: 3 })],
      { axis: 2 },
    ),
  ); // prettier-ignore
  const [a, b] = [await model.encode(video).mean.read(), await model.encode(changed).mean.read()];
  const kept = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => Math.floor(i / 4) % 3 < 2);
  expect(kept(a)).toEqual(kept(b));
  expect(a).not.toEqual(b);
});

test.each([
  ['2.1', plain],
  ['2.2', residual],
] as const)('%s: memory does not grow with the number of frames', async (_, config) => {
  const model = made(config);
  const size = 16 * config.patchSize;
  const shape = [1, config.zDim, 1, size / model.factor, size / model.factor];
  const part = () => randn(device, shape, { seed: 5 });
  const run = async (frames: number) => {
    device.resetPeak();
    const single = Array.from({ length: frames }, () => 1);
    for await (const { mean, logvar } of model.encodeTiled(pieces(single, size, size)))
      for (const tensor of [mean, logvar]) tensor.dispose();
    const latents = { shape: [1, config.zDim, (frames + 3) / 4, ...shape.slice(3)], part };
    for await (const piece of model.decodeTiled(latents)) piece.dispose();
    return device.memory().peakUsed;
  };
  await run(9); // compiles, which takes memory of its own
  const peaks = [await run(17), await run(33), await run(81)];
  expect([...new Set(peaks)]).toHaveLength(1);
});

test('in tiles too memory does not grow with the number of frames', async () => {
  const dry = dryDevice(); // counts alone
  const model = new WanAutoencoder(
    dry,
    plain,
    randomWeights(dry, WanAutoencoder.weightShapes(plain, 'decoder')),
    'decoder',
  );
  const part = () => randn(dry, [1, 16, 1, 6, 6], { seed: 1 });
  const peaks: number[] = [];
  for (const T of [3, 4, 9]) {
    dry.resetPeak();
    const frames = model.decodeTiled({ shape: [1, 16, T, 6, 6], part }, { spatialTile: 4 });
    for await (const piece of frames) piece.dispose();
    peaks.push(dry.memory().peakUsed);
  }
  expect(peaks[1]).toBeLessThanOrEqual(peaks[0]!);
  expect(peaks[2]).toBe(peaks[1]);
  model.dispose();
  dry.destroy();
});

test('stops between tiles, and releases what it held', async () => {
  const model = made(plain);
  const before = device.memory().used;
  const stop = new AbortController();
  const z = randn(device, [1, 16, 3, 4, 4], { seed: 1 });
  const stream = model.decodeTiled(z, { spatialTile: 2, signal: stop.signal });
  (await stream.next()).value!.dispose();
  stop.abort(new Error('enough'));
  await expect(stream.next()).rejects.toThrow('enough');
  const encoded = model.encodeTiled(pieces([1, 4, 4], 32, 32), {
    signal: AbortSignal.abort(new Error('no')),
  });
  await expect(encoded.next()).rejects.toThrow('no');
  z.dispose();
  expect(device.memory().used).toBe(before);
});

test('a caller that leaves early leaves nothing behind', async () => {
  const model = made(plain);
  const before = device.memory().used;
  const z = randn(device, [1, 16, 3, 4, 4], { seed: 1 });
  for await (const piece of model.decodeTiled(z)) {
    piece.dispose();
    break;
  }
  for await (const { mean, logvar } of model.encodeTiled(pieces([9], 32, 32))) {
    for (const tensor of [mean, logvar]) tensor.dispose();
    break;
  }
  z.dispose();
  expect(device.memory().used).toBe(before);
});

test('half of a model', async () => {
  const shapes = WanAutoencoder.weightShapes(plain);
  const source = {
    names: () => Object.keys(shapes),
    shape: (name: string) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name: string) => new Uint8Array(4 * shapes[name]!.reduce((a, b) => a * b, 1)),
  };
  const decoder = await WanAutoencoder.load(device, source, plain, { parts: 'decoder' });
  models.push(decoder);
  const video = randn(device, [1, 3, 1, 16, 16], { seed: 1 });
  expect(() => decoder.encode(video)).toThrow(
    "wan.encode: the encoder was not loaded: load with parts 'encoder' or 'both'",
  );
  expect(decoder.decode(randn(device, [1, 16, 1, 2, 2], { seed: 1 })).shape).toEqual([1, 3, 1, 16, 16]);
});

test('the scale of the latents', async () => {
  const model = made(plain);
  const z = randn(device, [2, 16, 1, 1, 2], { seed: 1 });
  const scaled = await model.normalize(z).read();
  const values = await z.read();
  const channel = (i: number) => Math.floor(i / 2) % 16;
  for (const [i, value] of values.entries()) {
    const { latentsMean: mean, latentsStd: std } = plain;
    expect(scaled[i]).toBeCloseTo((value - mean[channel(i)]!) / std[channel(i)]!, 5);
  }
  expect(await difference(model.denormalize(model.normalize(z)), z)).toBeLessThan(1e-6);
  const noise = randn(device, [1, 16, 1, 2, 2], { seed: 4 });
  const distribution = model.encode(randn(device, [1, 3, 1, 16, 16], { seed: 2 }));
  const [mean, logvar, drawn] = [distribution.mean, distribution.logvar, distribution.sample(noise)];
  const [m, v, n, s] = await Promise.all(
    [mean, logvar, noise, model.denormalize(drawn)].map((t) => t.read()),
  );
  for (const [i, value] of s!.entries()) expect(value).toBeCloseTo(m![i]! + Math.exp(v![i]! / 2) * n![i]!, 4);
});

test('errors say what came and what was expected', async () => {
  const model = made(plain);
  const next = (stream: AsyncGenerator) => stream.next();
  const z = (shape: readonly number[]) => scope(device, () => randn(device, shape, { seed: 1 }));
  const video = (...shape: number[]) => z([1, 3, ...shape]);
  await expect(next(model.decodeTiled(z([1, 4, 1, 2, 2])))).rejects.toThrow(
    'wan.decodeTiled: latents must be [B, 16, T, H, W], got [1, 4, 1, 2, 2]',
  );
  await expect(next(model.decodeTiled(z([1, 16, 3, 2, 2]), { numFrames: 8 }))).rejects.toThrow(
    'wan.decodeTiled: latents [1, 16, 3, 2, 2] hold 9 frames, got numFrames 8',
  );
  await expect(next(model.encodeTiled(video(1, 20, 16)))).rejects.toThrow(
    'height and width must be multiples of 8, got [1, 3, 1, 20, 16]; pad or crop the video',
  );
  const stream = model.encodeTiled(video(3, 16, 16));
  const { value } = await stream.next();
  for (const tensor of [value!.mean, value!.logvar]) tensor.dispose();
  await expect(stream.next()).rejects.toThrow(
    'wan.encodeTiled: a video must have 1 + 4k frames, got 3; leave out the last 2, or repeat the last one 2 times',
  );
  expect(() => model.encode(video(4, 16, 16))).toThrow('wan.encode: a video must have 1 + 4k frames, got 4');
  await expect(
    next(model.decodeTiled(z([1, 16, 1, 2, 2]), { spatialTile: 2, spatialOverlap: 2 })),
  ).rejects.toThrow(
    'wan.decodeTiled: spatialTile 2 x 2 and spatialOverlap 2 x 2 must be integers, 0 <= spatialOverlap < spatialTile',
  );
  const tile: object = { tile: 4 };
  await expect(next(model.decodeTiled(z([1, 16, 1, 2, 2]), tile))).rejects.toThrow(
    'wan.decodeTiled: tile 4: time is not tiled',
  );
});
