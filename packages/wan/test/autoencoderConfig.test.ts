// The autoencoder's configurations and weights: the published sizes, files that leave keys out, settings that are refused.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  autoencoderConfigs,
  inferAutoencoderConfig,
  parseAutoencoderConfig,
  WanAutoencoder,
  type WanAutoencoderConfig,
} from '../src/index.ts';

const counts = (config: WanAutoencoderConfig, part?: 'encoder' | 'decoder') => {
  const shapes = Object.entries(WanAutoencoder.weightShapes(config, part));
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  return { tensors: shapes.length, parameters: shapes.reduce((sum, [, shape]) => sum + size(shape), 0) };
};

// Numbers of parameters and tensors of the published models, counted by diffusers.
test.each([
  [
    '2.1',
    { tensors: 194, parameters: 126_892_531 },
    53_595_872 + (32 * 32 + 32),
    73_295_331 + (16 * 16 + 16),
  ],
  [
    '2.2',
    { tensors: 196, parameters: 704_688_668 },
    149_627_776 + (96 * 96 + 96),
    555_049_228 + (48 * 48 + 48),
  ],
] as const)('%s has as many weights as the published model', (version, all, encoder, decoder) => {
  const config = autoencoderConfigs[version];
  expect(counts(config)).toEqual(all);
  expect(counts(config, 'encoder').parameters).toBe(encoder);
  expect(counts(config, 'decoder').parameters).toBe(decoder);
});

const fixture = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../fixtures/${folder}/vae/config.json`, import.meta.url), 'utf8'));

test.each(['t2v', 'ti2v'])('%s: the configuration by the shapes alone', (folder) => {
  const config = parseAutoencoderConfig(fixture(folder));
  expect(inferAutoencoderConfig(WanAutoencoder.weightShapes(config))).toEqual(config);
});

test('the published configurations by their shapes alone', () => {
  for (const config of Object.values(autoencoderConfigs)) {
    const others = { 'patch_embedding.weight': [8, 16, 1, 2, 2] };
    expect(inferAutoencoderConfig({ ...others, ...WanAutoencoder.weightShapes(config) })).toEqual(config);
  }
  expect(() => inferAutoencoderConfig({ x: [1] })).toThrow(
    'wan autoencoder: the file holds no whole autoencoder of Wan: there is no encoder.conv_in.weight',
  );
});

test('what older files leave out', () => {
  const { latents_mean, latents_std } = fixture('t2v');
  expect(parseAutoencoderConfig({ _class_name: 'AutoencoderKLWan' })).toEqual({
    baseDim: 96,
    decoderBaseDim: 96,
    zDim: 16,
    dimMult: [1, 2, 4, 4],
    numResBlocks: 2,
    temperalDownsample: [false, true, true],
    isResidual: false,
    patchSize: 1,
    latentsMean: latents_mean,
    latentsStd: latents_std,
  });
  const later = fixture('ti2v');
  const { latentsMean, latentsStd } = autoencoderConfigs['2.2'];
  expect([latentsMean, latentsStd]).toEqual([later.latents_mean, later.latents_std]);
});

test('all that is wrong comes in one error', () => {
  const wrong = {
    base_dim: 0,
    z_dim: 4,
    dim_mult: [1, 2, 4, 4],
    temperal_downsample: [true, true, true],
    attn_scales: [0.5],
    in_channels: 12,
    scale_factor_spatial: 16,
    latents_std: [1, 1, 0, 1],
  };
  expect(() => parseAutoencoderConfig(wrong)).toThrow(`wan autoencoder: config is wrong:
  temperal_downsample: got [true,true,true], expected two of them true: a latent frame stands for 4 frames
  base_dim: got 0, expected an integer of at least 1
  latents_mean: got undefined, expected 4 numbers, one per latent channel
  latents_std: got [1,1,0,1], expected 4 numbers above 0, one per latent channel
  attn_scales: got [0.5], expected none: attention is in the middle only
  in_channels: got 12, expected 3, the colours of patch_size 1
  scale_factor_spatial: got 16, expected 8, by dim_mult and patch_size`);
  expect(() => parseAutoencoderConfig({ _class_name: 'AutoencoderKL' })).toThrow(
    "is this another model's config?",
  );
});
