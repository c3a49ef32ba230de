// Names of the transformer, the autoencoders and umT5 in the layouts of other libraries, beside diffusers' names of every tensor.
import { readFileSync } from 'node:fs';
import { openFile } from '@moviegen/safetensors/node';
import { t5Name, t5Source } from '@moviegen/text';
import {
  autoencoderNames,
  autoencoderSource,
  originalTransformerName,
  transformerName,
  transformerSource,
} from '@moviegen/wan';
import { describe, expect, test } from 'vitest';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;
type Table = Readonly<Record<string, string>>;
const tables: Readonly<Record<string, Table>> = JSON.parse(
  readFileSync(`${fixtures}original/names.json`, 'utf8'),
);

/** A source that has names only. */
const named = (names: readonly string[]) => ({
  names: () => names,
  shape: () => [],
  dtype: () => 'F32',
  read: async () => new Uint8Array(),
});

const sources = {
  transformer: transformerSource,
  'vae-2.1': autoencoderSource,
  'vae-2.2': autoencoderSource,
  text: t5Source,
  'text-gguf': t5Source,
};

describe.each(Object.entries(sources))('%s', (part, sourceOf) => {
  const table = tables[part]!;

  test('every original name becomes the name of diffusers or transformers', () => {
    expect(sourceOf(named(Object.keys(table))).names()).toEqual(Object.values(table));
  });

  test('those names stay as they are', () => {
    expect(sourceOf(named(Object.values(table))).names()).toEqual(Object.values(table));
  });
});

test('the prefixes of ComfyUI are taken off, and tensors that nothing reads are left out', () => {
  const [original, name] = ['blocks.7.cross_attn.k_img.weight', 'blocks.7.attn2.add_k_proj.weight'];
  for (const prefix of ['', 'model.diffusion_model.', 'diffusion_model.'])
    expect(transformerName(prefix + original)).toBe(name);
  expect(transformerSource(named(['blocks.0.attn2.norm_added_q.weight'])).names()).toEqual([]);
  expect(t5Source(named(['spiece_model', 'shared.weight'])).names()).toEqual(['shared.weight']);
});

test('original names come back from those of diffusers', () => {
  for (const [original, name] of Object.entries(tables.transformer!))
    expect(originalTransformerName(name)).toBe(original);
});

/** Names of a model with `layers` layers, from those of the table's layer 0 and the rest. */
const grown = (names: readonly string[], layers: number, layer: RegExp): string[] => [
  ...new Set(
    names.flatMap((name) =>
      layer.test(name) ? Array.from({ length: layers }, (_, i) => name.replace(/\d+/, String(i))) : [name],
    ),
  ),
];

test.each([
  ['1.3B and 5B', 30, 825, /^$/],
  ['14B', 40, 1095, /^$/],
  ['I2V-14B', 40, 1303, /emb_pos/],
  ['FLF2V-14B', 40, 1304, /never/],
])('the transformer of %s has %i layers and %i tensors', (what, layers, count, absent) => {
  const images = /img/;
  const names = Object.keys(tables.transformer!).filter((name) =>
    what.includes('2V') ? !absent.test(name) : !images.test(name),
  );
  const all = grown(names, layers, /^blocks\./);
  const renamed = new Set(all.map(transformerName));
  expect([all.length, renamed.size]).toEqual([count, count]);
  expect([...renamed].filter((name) => /self_attn|cross_attn|modulation|_img|ffn\.\d/.test(name))).toEqual(
    [],
  );
});

test.each([
  ['decoder.upsamples.3.resample.1.weight', 'decoder.up_blocks.0.upsamplers.0.resample.1.weight'],
  ['decoder.upsamples.4.residual.6.bias', 'decoder.up_blocks.1.resnets.0.conv2.bias'],
  ['decoder.upsamples.4.shortcut.weight', 'decoder.up_blocks.1.resnets.0.conv_shortcut.weight'],
  ['decoder.upsamples.14.residual.3.gamma', 'decoder.up_blocks.3.resnets.2.norm2.gamma'],
  ['encoder.downsamples.8.time_conv.bias', 'encoder.down_blocks.8.time_conv.bias'],
  ['encoder.downsamples.1.downsamples.1.residual.0.gamma', 'encoder.down_blocks.1.resnets.1.norm1.gamma'],
  [
    'encoder.downsamples.1.downsamples.2.time_conv.weight',
    'encoder.down_blocks.1.downsampler.time_conv.weight',
  ],
  ['decoder.upsamples.2.upsamples.2.residual.2.weight', 'decoder.up_blocks.2.resnets.2.conv1.weight'],
  ['decoder.upsamples.2.upsamples.3.resample.1.bias', 'decoder.up_blocks.2.upsampler.resample.1.bias'],
])('with the published two residual blocks of a level, %s is %s', (original, name) => {
  const marks = [
    'decoder.upsamples.3.resample.1.weight',
    'decoder.upsamples.0.upsamples.3.resample.1.weight',
  ];
  for (const mark of [...marks, 'conv1.weight']) expect(autoencoderNames([mark])(original)).toBe(name);
});

test('umT5-XXL has 242 tensors', () => {
  for (const part of ['text', 'text-gguf'])
    expect(new Set(grown(Object.keys(tables[part]!), 24, /^(enc\.)?bl/).map(t5Name)).size).toBe(242);
});

test.each([
  ['original/wan/Wan2.1_VAE', autoencoderSource, 't2v/vae/diffusion_pytorch_model'],
  ['original/comfy/wan_t2v_fp16', transformerSource, 't2v/transformer/diffusion_pytorch_model'],
  ['original/wan/models_t5_umt5-xxl-enc', t5Source, 't2v/text_encoder/model'],
])('%s has the names and shapes of the same model by diffusers', async (original, sourceOf, current) => {
  const [file, wanted] = await Promise.all(
    [original, current].map((path) => openFile(`${fixtures}${path}.safetensors`)),
  );
  const source = sourceOf(file!);
  const shapes = (names: readonly string[], from: { shape(name: string): readonly number[] }) =>
    Object.fromEntries(names.map((name) => [name, from.shape(name)]));
  expect(shapes(source.names(), source)).toEqual(shapes(wanted!.names(), wanted!));
  for await (const { name, data } of source.pieces!(source.names())) {
    expect(wanted!.has(name)).toBe(true);
    expect(data.length).toBeGreaterThan(0);
  }
  await Promise.all([file!.close(), wanted!.close()]);
});
