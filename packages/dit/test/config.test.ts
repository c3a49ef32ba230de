// Sizes, names and shapes: no device.

import { configs, type DiTConfig, parseConfig, weightShapes } from '@moviegen/dit';
import { sizeOf } from '@moviegen/kernels';
import { expect, test } from 'vitest';

/** `core`: attention, feed-forward and the shared adaLN projection, the part that a size's name counts. */
function parameterCount(config: DiTConfig): { core: number; total: number } {
  const isCore = /^(layers\.\d+\.((cross_)?attention|feed_forward)|adaln)\./;
  let [core, total] = [0, 0];
  for (const [name, shape] of Object.entries(weightShapes(config))) {
    total += sizeOf(shape);
    if (isCore.test(name)) core += sizeOf(shape);
  }
  return { core, total };
}

test('30b has as many parameters as the paper says', () => {
  expect(parameterCount(configs['30b'])).toEqual({ core: 29_217_558_528, total: 29_301_700_672 });
});

test('the other published sizes', () => {
  // 8 D^2 + 3 D F a layer, and the shared adaLN projection of 6 D^2 + 6 D.
  const core = (layers: number, D: number, F: number) => layers * (8 * D * D + 3 * D * F) + 6 * D * D + 6 * D;
  expect(parameterCount(configs['5b']).core).toBe(core(32, 3072, 8192));
  expect(parameterCount(configs['1b']).core).toBe(core(24, 1536, 4096));
});

const small = { hidden_size: 64, num_layers: 2, num_heads: 4, ffn_hidden_size: 96 };

test('what a config leaves out is as in the published models', () => {
  const config = parseConfig({ ...small, out_channels: null });
  expect(config).toMatchObject({ inChannels: 16, outChannels: 16, patchSize: [1, 2, 2], timestepDim: 256 });
  expect(config.textDims).toEqual({ ul2: 4096, metaclip: 1024, byt5: 1472 });
});

test("weights have the checkpoint's names", () => {
  const shapes = weightShapes(
    parseConfig({
      ...small,
      in_channels: 33,
      out_channels: 16,
      conditioning: 'masked',
      text_dims: { ul2: 10 },
    }),
  );
  expect(shapes['patch_embed.weight']).toEqual([64, 33, 1, 2, 2]);
  expect(shapes['output.weight']).toEqual([64, 64]);
  expect(shapes['layers.1.feed_forward.w2.weight']).toEqual([64, 96]);
  expect(shapes['text_proj.ul2.linear.weight']).toEqual([64, 10]);
  expect(Object.keys(shapes).filter((name) => name.startsWith('text_proj.'))).toHaveLength(4);
});

test('what is given beside the latents', () => {
  const config = parseConfig({
    ...small,
    in_channels: 32,
    out_channels: 16,
    conditioning: 'video',
    tasks: ['add'],
  });
  expect(config).toMatchObject({ conditioning: 'video', tasks: ['add'], firstFrame: 'near' });
  const shapes = weightShapes(config);
  expect(shapes['task_embed.weight']).toEqual([2, 64]);
  expect(shapes['task_tokens.weight']).toEqual([256, 64]);
  const wrong = (more: object) => () => parseConfig({ ...small, ...more });
  expect(wrong({ in_channels: 32, out_channels: 16 })).toThrow('in_channels: got 32, expected 16');
  expect(wrong({ in_channels: 32, out_channels: 16, conditioning: 'masked' })).toThrow('got 32, expected 33');
  expect(wrong({ conditioning: 'image' })).toThrow('conditioning: got "image", expected "video" or "masked"');
  expect(wrong({ tasks: ['add', 'add'] })).toThrow('expected a list of different names');
  expect(wrong({ tasks: ['add'] })).toThrow('tasks: they need conditioning');
  expect(wrong({ first_frame: 'exactly' })).toThrow('first_frame: got "exactly", expected "near" or "exact"');
});

test('the upsampler has as many parameters as it should', () => {
  expect(parameterCount(configs['7b']).core).toBe(7_107_272_704);
});

test('every wrong key is named', () => {
  const wrong = {
    _class_name: 'AutoencoderKL',
    hidden_size: 64.5,
    num_layers: 0,
    num_heads: 4,
    norm_eps: -1,
    timestep_dim: 7,
    patch_size: [2, 2],
    max_grid: [4, 0, 4],
    text_dims: { ul2: 8, bert: 8 },
  };
  const named = ['_class_name', 'hidden_size', 'num_layers', 'ffn_hidden_size', 'norm_eps', 'timestep_dim'];
  for (const key of [...named, 'patch_size', 'max_grid[1]', 'text_dims: unknown encoder "bert"'])
    expect(() => parseConfig(wrong)).toThrow(key);
  expect(() => parseConfig({ ...small, num_heads: 5 })).toThrow('num_heads: 5 must divide hidden_size 64');
  expect(() => parseConfig({ ...small, patch_size: [2, 2, 2] })).toThrow('a patch of one frame');
  for (const json of [null, [], 'x']) expect(() => parseConfig(json)).toThrow('config must be an object');
});
