// The autoencoder as a library: inflation, errors.

import { inflate, parseConfig, TAE, type TAEConfig, weightShapes } from '@moviegen/tae';
import { concat, type Device, randn, scope, Tensor, type WeightSource } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, expect, test } from 'vitest';

const config: TAEConfig = parseConfig({
  temporal: true,
  latent_channels: 4,
  block_out_channels: [4, 4, 8, 8],
  layers_per_block: 1,
  norm_num_groups: 2,
  use_quant_conv: true,
  use_post_quant_conv: true,
  scaling_factor: 0.7,
  shift_factor: 0.2,
});
const imageConfig: TAEConfig = { ...config, temporal: false };

let device: Device;
/** A file of random weights with the given shapes, by name. */
let fileOf: (shapes: Record<string, readonly number[]>) => Promise<WeightSource>;
let image: WeightSource;
const models: TAE[] = [];
const load = async (source: WeightSource, of: TAEConfig) => {
  const tae = await TAE.load(device, source, of);
  models.push(tae);
  return tae;
};

beforeAll(async () => {
  device = await testDevice();
  fileOf = async (shapes) => {
    const values = new Map<string, Float32Array>();
    for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
      const tensor = randn(device, shape, { seed: i });
      const scale = shape.length > 1 ? 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b)) : 0.3;
      values.set(
        name,
        ((await tensor.read()) as Float32Array).map((value) => value * scale),
      );
      tensor.dispose();
    }
    return {
      names: () => [...values.keys()],
      shape: (name) => shapes[name]!,
      dtype: () => 'F32',
      read: async (name) => new Uint8Array(values.get(name)!.slice().buffer),
    };
  };
  image = await fileOf(weightShapes(imageConfig));
});
afterAll(() => {
  for (const tae of models) tae.dispose();
});

const video = (B: number, T: number, H: number, W: number, seed = 7) =>
  randn(device, [B, 3, T, H, W], { seed });
async function read(tensor: Tensor): Promise<number[]> {
  const values = [...(await tensor.read())];
  tensor.dispose();
  return values;
}
/** Encodes and decodes; gives the latent and the frames. */
async function roundTrip(
  tae: TAE,
  x: Tensor,
  numFrames: number,
): Promise<[latent: number[], frames: number[]]> {
  const { z, frames } = scope(device, () => {
    const z = tae.encode(x).mode();
    return { z, frames: tae.decode(z, { numFrames }) };
  });
  return [await read(z), await read(frames)];
}
/** One frame of [1, C, T, H, W] given as numbers. */
const frameOf = (values: number[], C: number, T: number, t: number) => {
  const plane = values.length / (C * T);
  const rows = Array.from({ length: C }, (_, c) =>
    values.slice((c * T + t) * plane, (c * T + t + 1) * plane),
  );
  return rows.flat();
};

test("inflated, one frame is exactly the image autoencoder's; a repeated frame is that, repeated", async () => {
  const plain = await load(image, imageConfig);
  const still = video(1, 1, 16, 8);
  const repeated = concat(new Array<Tensor>(13).fill(still), { axis: 2 });
  const [latent, frame] = await roundTrip(plain, still, 1);
  // Identities skipped, and identities computed.
  for (const source of [image, inflate(image, config)]) {
    const tae = await load(source, config);
    expect(await roundTrip(tae, still, 1)).toEqual([latent, frame]);
    const [latents, frames] = await roundTrip(tae, repeated, 13);
    for (const t of [0, 7, 8, 12]) expect(frameOf(frames, 3, 13, t)).toEqual(frame);
    for (const t of [0, 1]) expect(frameOf(latents, 4, 2, t)).toEqual(latent);
  }
  still.dispose();
  repeated.dispose();
});

test('the identities that loading skips are those that inflate writes out, on any video', async () => {
  const [skipped, computed] = [await load(image, config), await load(inflate(image, config), config)];
  for (const T of [2, 5, 9]) {
    const x = video(1, T, 8, 8, T);
    expect(await roundTrip(skipped, x, T)).toEqual(await roundTrip(computed, x, T));
    x.dispose();
  }
  expect(() => inflate(inflate(image, config), config)).toThrow('temporal already');
});

test('frame by frame where the config says that it is not a temporal autoencoder', async () => {
  const plain = await load(image, imageConfig);
  const x = video(1, 3, 8, 8);
  const { mean, logvar } = plain.encode(x);
  expect(mean.shape).toEqual([1, 4, 3, 1, 1]);
  const frames = plain.decode(mean);
  expect(frames.shape).toEqual([1, 3, 3, 8, 8]);
  expect(() => plain.decode(mean, { numFrames: 2 })).toThrow('holds 3 to 3 frames');
  for (const tensor of [x, mean, logvar, frames]) tensor.dispose();
});

test('shapes that do not fit are said', async () => {
  const tae = await load(image, config);
  const check = (act: () => unknown, message: string | RegExp) =>
    scope(device, () => {
      expect(act).toThrow(message);
    });
  check(() => tae.encode(video(1, 1, 12, 8)), 'height and width must be multiples of 8');
  check(() => tae.encode(video(1, 1, 8, 20)), 'height and width must be multiples of 8');
  check(() => tae.encode(randn(device, [1, 4, 1, 8, 8], { seed: 1 })), 'video must be [B, 3, T, H, W]');
  check(() => tae.encode(randn(device, [3, 8, 8], { seed: 1 })), 'video must be [B, 3, T, H, W]');
  check(() => tae.encode(Tensor.empty(device, [1, 3, 0, 8, 8])), 'video must be');
  const latent = () => randn(device, [1, 4, 2, 1, 1], { seed: 1 });
  for (const numFrames of [8, 17, 9.5])
    check(() => tae.decode(latent(), { numFrames }), 'holds 9 to 16 frames');
  check(() => tae.decodeTiled(latent(), { numFrames: 8 }), 'holds 9 to 16 frames');
  check(() => tae.decode(randn(device, [1, 16, 2, 1, 1], { seed: 1 })), 'latent must be [B, 4, T, H, W]');
  check(() => tae.decodeTiled(latent(), { tile: 2, overlap: 2 }), 'tile 2 and overlap 2 must be integers');
  check(() => tae.decodeTiled(latent(), { tile: 1.5 }), 'tile 1.5 and overlap');
  check(() => tae.encodeTiled([], { tile: 0 }), 'tile must be an integer of at least 1, got 0');
  const wrong = 'spatialTile 2 and spatialOverlap 2 must be integers, 0 <= spatialOverlap < spatialTile';
  check(() => tae.decodeTiled(latent(), { spatialTile: 2, spatialOverlap: 2 }), wrong);
});

test('weights that do not fit are all listed', async () => {
  const shapes = weightShapes(config);
  delete shapes['decoder.conv_in.temporal.bias'];
  shapes['quant_conv.bias'] = [5];
  shapes['decoder.up_blocks.3.upsamplers.0.conv.weight'] = [4, 4, 3, 3];
  const loading = TAE.load(device, await fileOf(shapes), config);
  for (const said of [
    /missing:\s+decoder\.conv_in\.temporal\.bias/,
    /extra:\s+decoder\.up_blocks\.3/,
    /quant_conv\.bias \[5\]/,
  ])
    await expect(loading).rejects.toThrow(said);
});
