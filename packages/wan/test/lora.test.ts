// LoRA files of Wan in the layouts that people have, merged into the transformer's weights: against what diffusers merges.
import { readFileSync } from 'node:fs';
import { Safetensors } from '@moviegen/safetensors';
import { type Lora, loadWeights, loraChanges, type WeightSource, WeightsError } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { originalTransformerName } from '@moviegen/wan';
import { expect, test } from 'vitest';

const device = await testDevice();
const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const open = (path: string) => Safetensors.open(readFileSync(`${fixtures}${path}.safetensors`));
type Sums = Readonly<Record<string, readonly [sum: number, cosines: number]>>;
const { weight, ...merged } = JSON.parse(readFileSync(`${fixtures}lora/merged.json`, 'utf8')) as {
  readonly weight: number;
} & Readonly<Record<'base' | 'diffusers' | 'comfy' | 'comfy-pairs' | 'kohya', Sums>>;
const base = await open('t2v/transformer/diffusion_pytorch_model');
const shapes = Object.fromEntries(base.names().map((name) => [name, base.shape(name)]));
const lora = async (name: string): Promise<Lora> => ({
  source: await open(`lora/${name}`),
  weight,
});

test.each(['diffusers', 'comfy', 'comfy-pairs', 'kohya'] as const)('%s', async (layout) => {
  const changes = loraChanges([await lora(layout)], shapes, originalTransformerName);
  const weights = await loadWeights(device, base, shapes, { changes });
  for (const [name, tensor] of Object.entries(weights)) {
    const values = Float32Array.from(await tensor.read());
    const [sum, cosines] = merged[layout][name]!;
    const size = values.length ** 0.5; // of sums of numbers of about 1, in f32 before they are summed
    expect(Math.abs(values.reduce((a, b) => a + b, 0) - sum), name).toBeLessThan(1e-5 * size);
    expect(Math.abs(values.reduce((a, b, i) => a + b * Math.cos(i), 0) - cosines), name).toBeLessThan(
      1e-5 * size,
    );
    expect(changes.has(name), name).toBe(merged[layout][name]![1] !== merged.base[name]![1]);
    tensor.dispose();
  }
});

/** A LoRA of rank 1, all ones, under these names. */
const ones = (entries: Readonly<Record<string, readonly number[]>>): WeightSource => ({
  names: () => Object.keys(entries),
  shape: (name) => entries[name]!,
  dtype: () => 'F32',
  read: async (name) =>
    new Uint8Array(new Float32Array(entries[name]!.reduce((a, b) => a * b, 1)).fill(1).buffer),
});
const changed = (entries: Readonly<Record<string, readonly number[]>>, model = shapes) => {
  const changes = loraChanges([{ source: ones(entries), label: 'x' }], model, originalTransformerName);
  return Object.keys(model).filter((name) => changes.has(name));
};

test('every module of the model is found by its original name, with dots and flattened', () => {
  const modules = new Set(Object.keys(shapes).map((name) => name.replace(/\.(weight|bias)$/, '')));
  for (const module of modules) {
    const name = shapes[module] === undefined ? `${module}.weight` : module;
    const [out = 0, ...inputs] = shapes[name]!;
    const width = inputs.reduce((a, b) => a * b, 1);
    for (const own of [
      `diffusion_model.${originalTransformerName(module)}`,
      `lora_unet_${originalTransformerName(module).replaceAll('.', '_')}`,
      `transformer.${module}`,
    ])
      expect(
        changed({ [`${own}.lora_down.weight`]: [1, width], [`${own}.lora_up.weight`]: [out, 1] }),
        own,
      ).toEqual([name]);
  }
});

test('differences of weights and biases: norm3 is norm2, modulations are tables', () => {
  expect(
    changed({
      'diffusion_model.blocks.1.norm3.diff': [64],
      'diffusion_model.blocks.1.norm3.diff_b': [64],
      'diffusion_model.blocks.0.modulation.diff': [1, 6, 64],
      'diffusion_model.head.modulation.diff': [1, 2, 64],
      'diffusion_model.patch_embedding.diff': [64, 16, 1, 2, 2],
    }).sort(),
  ).toEqual([
    'blocks.0.scale_shift_table',
    'blocks.1.norm2.bias',
    'blocks.1.norm2.weight',
    'patch_embedding.weight',
    'scale_shift_table',
  ]);
});

test.each([
  [
    {
      'diffusion_model.blocks.0.self_attn.q.lora_down.weight': [1, 64],
      'diffusion_model.blocks.0.self_attn.q.lora_up.weight': [64, 1],
      'diffusion_model.blocks.0.self_attn.q.dora_scale': [64],
    },
    /^x: 1 of its 3 tensors cannot be applied \(DoRA 1\)/,
  ],
  [
    {
      'transformer.transformer_blocks.0.attn.to_q.lora_A.weight': [1, 64],
      'transformer.transformer_blocks.0.attn.to_q.lora_B.weight': [64, 1],
      'transformer.proj_out.lora_A.weight': [1, 64],
      'transformer.proj_out.lora_B.weight': [64, 1],
    },
    /^x: this LoRA does not fit the model: the model has no transformer\.transformer_blocks\.0\.attn\.to_q\.weight \(the model has the modules of 2 of its 4 tensors\)$/,
  ],
  [
    {
      'diffusion_model.blocks.0.self_attn.q.lora_A.weight': [1, 5120],
      'diffusion_model.blocks.0.self_attn.q.lora_B.weight': [5120, 1],
    },
    /A \[1, 5120\] and B \[5120, 1\] do not fit \[64, 64\]/,
  ],
] as [Record<string, number[]>, RegExp][])(
  '%#: a file of another model or kind is refused in one line',
  (entries, message) => {
    expect(() => changed(entries)).toThrow(WeightsError);
    expect(() => changed(entries)).toThrow(message);
  },
);
