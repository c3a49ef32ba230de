// Sizes, names, shapes and positions: no device.

import { readFileSync } from 'node:fs';
import { sizeOf } from '@moviegen/kernels';
import {
  inferTransformerConfig,
  isLinearWeight,
  parseTransformerConfig,
  transformerConfigs,
  WanTransformer,
} from '@moviegen/wan';
import { expect, test } from 'vitest';
import { angleOf, axisSizes, rotaryTable } from '../src/transformer/rotary.ts';

const fixture = (path: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8'));

test.each([
  ['1.3b', 1_418_996_800, 825, 1_391_984_640],
  ['14b', 14_288_491_584, 1095, 14_050_918_400],
  ['5b', 4_999_787_712, 825, 4_907_335_680],
  ['i2v-14b', 16_394_878_784, 1303, 16_148_070_400],
  ['flf2v-14b', 16_395_536_704, 1304, 16_148_070_400],
  ['a14b-i2v', 14_288_901_184, 1095, 14_050_918_400],
] as const)(
  '%s has the published number of parameters and tensors',
  (size, parameters, tensors, matrices) => {
    const shapes = Object.entries(WanTransformer.weightShapes(transformerConfigs[size]));
    const count = (of: typeof shapes) => of.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    expect(count(shapes)).toBe(parameters);
    expect(shapes).toHaveLength(tensors);
    expect(count(shapes.filter(([name]) => isLinearWeight(name)))).toBe(matrices);
    expect(inferTransformerConfig(Object.fromEntries(shapes))).toEqual(transformerConfigs[size]);
  },
);

test('the names are those of the original library', () => {
  const names = Object.values(fixture('original/names.json').transformer as Record<string, string>);
  const shapes = WanTransformer.weightShapes(parseTransformerConfig(fixture('t2v/transformer/config.json')));
  expect(names).toEqual(expect.arrayContaining(Object.keys(shapes)));
});

test("diffusers' config and the original repository's say the same", () => {
  const config = parseTransformerConfig(fixture('t2v/transformer/config.json'));
  const shapes = WanTransformer.weightShapes(config);
  expect(parseTransformerConfig(fixture('original/wan/config.json'), shapes)).toEqual(config);
});

test('only the tensors say whether a model of the original repository has an image embedder', () => {
  const json = { ...fixture('original/wan/config.json'), model_type: 'i2v', in_dim: 36, text_dim: 24 };
  expect(parseTransformerConfig(json)).toMatchObject({ imageDim: 1280, posEmbedTokens: undefined });
  expect(parseTransformerConfig({ ...json, model_type: 'flf2v' })).toMatchObject({ posEmbedTokens: 514 });
  const of = (folder: string) =>
    WanTransformer.weightShapes(parseTransformerConfig(fixture(`${folder}/transformer/config.json`)));
  expect(parseTransformerConfig(json, of('flf2v'))).toMatchObject({ imageDim: 40, posEmbedTokens: 14 });
  expect(parseTransformerConfig(json, of('t2v')).imageDim).toBeUndefined();
});

test('every wrong key is named', () => {
  const given = fixture('t2v/transformer/config.json');
  const wrong = {
    ...given,
    num_layers: 0,
    ffn_dim: 'wide',
    patch_size: [2, 2, 2],
    qk_norm: 'layer_norm',
    cross_attn_norm: false,
    eps: -1,
    image_dim: 40,
    attention_head_dim: 30,
  };
  const named = ['num_layers', 'ffn_dim', 'patch_size', 'qk_norm', 'cross_attn_norm', 'eps'];
  for (const key of [...named, 'added_kv_proj_dim', 'a head of 30'])
    expect(() => parseTransformerConfig(wrong)).toThrow(key);
  expect(() => parseTransformerConfig({ ...given, _class_name: 'UNet' })).toThrow("is this another model's");
  expect(() => parseTransformerConfig(null)).toThrow('must be an object');
  const original = { _class_name: 'WanModel', num_heads: 3, text_len: 226, model_type: 's2v', dim: 64 };
  for (const key of ['num_heads', 'text_len', 'model_type', 'ffn_dim', 'num_layers'])
    expect(() => parseTransformerConfig(original)).toThrow(key);
});

test('tensors of another model are refused', () => {
  expect(() => inferTransformerConfig({ 'a.weight': [3] })).toThrow('scale_shift_table');
  const narrow = WanTransformer.weightShapes(parseTransformerConfig(fixture('t2v/transformer/config.json')));
  expect(() => inferTransformerConfig(narrow)).toThrow('give a config.json');
});

test('rotary positions turn neighbours by the published angles', () => {
  expect(axisSizes(128)).toEqual([44, 42, 42]);
  const table = rotaryTable([4, 6, 8], 128);
  const token = 128 * ((3 * 6 + 5) * 8 + 7); // (t, row, column) = (3, 5, 7)
  const golden = [
    { first: 0, angles: { 0: 3, 1: 1.9737997, 21: 0.00045597 } },
    { first: 44, angles: { 0: 5, 1: 3.2247334, 20: 0.00077526 } },
    { first: 86, angles: { 0: 7, 1: 4.5146267, 20: 0.00108536 } },
  ];
  for (const { first, angles } of golden)
    for (const [pair, angle] of Object.entries(angles)) {
      expect(table[token + first + 2 * Number(pair)]).toBeCloseTo(Math.cos(angle), 6);
      expect(table[token + first + 2 * Number(pair) + 1]).toBeCloseTo(Math.sin(angle), 6);
    }
  expect(angleOf(3, 1, 44)).toBeCloseTo(1.9737997, 7);
  expect(table.subarray(0, 4)).toEqual(Float32Array.of(1, 0, 1, 0));
});
