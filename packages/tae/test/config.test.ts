// Sizes, names and shapes: no device.

import { compression, isImageConfig, parseConfig, weightShapes } from '@moviegen/tae';
import { ConfigError } from '@moviegen/tensor';
import { expect, test } from 'vitest';

const image = { _class_name: 'AutoencoderKL', latent_channels: 4, block_out_channels: [128, 256, 512, 512] };

test("a public image autoencoder's config takes its class's defaults", () => {
  const config = parseConfig({ ...image, shift_factor: null, sample_size: 512, act_fn: 'silu' });
  expect(config).toMatchObject({
    scalingFactor: 0.18215,
    shiftFactor: 0,
    useQuantConv: true,
    usePostQuantConv: true,
  });
  expect(config).toMatchObject({ layersPerBlock: 1, normNumGroups: 32, temporal: true });
  expect(compression(config)).toBe(8);
});

test("a temporal autoencoder's config takes the spec's", () => {
  const config = parseConfig({ temporal: true, norm_num_groups: 1 });
  expect(config).toMatchObject({
    latentChannels: 16,
    blockOutChannels: [128, 256, 512, 512],
    useQuantConv: false,
  });
});

test('each 3x3 has a temporal companion, 1x1 convolutions have none', () => {
  const config = parseConfig({ ...image, layers_per_block: 2 });
  const shapes = weightShapes(config);
  const spatial = Object.keys(shapes).filter((name) => shapes[name]!.length === 4 && shapes[name]![2] === 3);
  for (const name of spatial) {
    const [out] = shapes[name]!;
    expect(shapes[name.replace('.weight', '.temporal.weight')]).toEqual([out, out, 3]);
  }
  expect(shapes['encoder.down_blocks.1.resnets.0.conv_shortcut.weight']).toEqual([256, 128, 1, 1]);
  expect(shapes['encoder.down_blocks.1.resnets.0.conv_shortcut.temporal.weight']).toBeUndefined();
  expect(shapes['encoder.down_blocks.3.downsamplers.0.conv.weight']).toBeUndefined();
  expect(shapes['decoder.up_blocks.2.upsamplers.0.conv.weight']).toEqual([256, 256, 3, 3]);
  expect(shapes['decoder.mid_block.temporal_attentions.0.to_out.0.weight']).toEqual([512, 512]);
  // The public image autoencoder with 4 latent channels has 83,653,863 parameters.
  const count = Object.values(weightShapes({ ...config, temporal: false })).reduce(
    (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  expect(count).toBe(83_653_863);
});

test('every wrong key is named', () => {
  const wrong = {
    latent_channels: 0,
    block_out_channels: [],
    layers_per_block: 1.5,
    scaling_factor: -1,
    shift_factor: 'x',
    temporal: 1,
    down_block_types: ['DownEncoderBlock2D', 'AttnDownEncoderBlock2D'],
    up_block_types: 'UpDecoderBlock2D',
    act_fn: 'relu',
    latents_mean: [0.1, 0.2],
    latents_std: [1, 1],
  };
  for (const key of Object.keys(wrong)) expect(() => parseConfig(wrong)).toThrow(`${key}: got`);
  expect(() => parseConfig({ ...image, block_out_channels: [48] })).toThrow('32 must divide each');
  expect(() => parseConfig({ _class_name: 'AutoencoderKL' })).toThrow(
    /latent_channels[\s\S]*block_out_channels/,
  );
  // Of another model nothing else is said: one line.
  for (const [key, value] of [
    ['_class_name', 'MovieGenDiT'],
    ['model_type', 't5'],
  ] as const)
    expect(() => parseConfig({ latent_channels: 0, [key]: value })).toThrow(
      new ConfigError(
        `tae: config is wrong: ${key}: got "${value}", expected TemporalAutoencoder or AutoencoderKL; is this another model's config?`,
      ),
    );
  for (const json of [null, [], 3]) expect(() => parseConfig(json)).toThrow('config must be an object');
});

test('a config without a class is what its keys say', () => {
  const { _class_name: _, ...keys } = image;
  expect(isImageConfig(keys)).toBe(true);
  expect(parseConfig(keys)).toEqual(parseConfig(image));
  expect(parseConfig(keys).scalingFactor).toBe(0.18215);
  expect(parseConfig({ ...keys, temporal: true })).toMatchObject({ scalingFactor: 1, useQuantConv: false });
  for (const other of [{}, { ...keys, temporal: false }, { ...keys, _class_name: 'TemporalAutoencoder' }])
    expect(isImageConfig(other)).toBe(false);
  for (const original of [{ ddconfig: {} }, { z_channels: 16, ch_mult: [1, 2, 4, 4] }])
    expect(() => parseConfig(original)).toThrow(
      /^tae: config is wrong: \w+ is a key of the original library [^\n]+$/,
    );
});

test('pictures of other channels than RGB are refused', () => {
  expect(() => parseConfig({ ...image, out_channels: 1 })).toThrow('out_channels: got 1, expected 3');
  expect(() => parseConfig({ ...image, in_channels: 4 })).toThrow('in_channels: got 4, expected 3');
});
