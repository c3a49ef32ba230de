// LoRA files against what PyTorch merges, and files that fit nowhere.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dequantize, type QuantFormat, quantize } from '@moviegen/kernels';
import { Safetensors } from '@moviegen/safetensors';
import {
  changingBytes,
  type Lora,
  loadWeights,
  loraChanges,
  scopeAsync,
  Tensor,
  type WeightSource,
  WeightsError,
  weightBytes,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const device = await testDevice();
const fixtures = fileURLToPath(new URL('../../moviegen/fixtures/', import.meta.url));
const open = (path: string) => Safetensors.open(new Uint8Array(readFileSync(fixtures + path)));
const [base, peft, diffusers, expected] = await Promise.all(
  [
    'dit/weights.safetensors',
    'lora/peft/adapter_model.safetensors',
    'lora/pytorch_lora_weights.safetensors',
    'lora/expected.safetensors',
  ].map(open),
);
const { r, lora_alpha } = JSON.parse(readFileSync(`${fixtures}lora/peft/adapter_config.json`, 'utf8'));
const first: Lora = { source: peft!, scaleOf: () => lora_alpha / r };
const second: Lora = { source: diffusers!, weight: -0.75 };
const shapes = Object.fromEntries(base!.names().map((name) => [name, base!.shape(name)]));
const floats = async (source: WeightSource, name: string) =>
  new Float32Array((await source.read(name)).slice().buffer);

/** The largest difference, by the largest value. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [most, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  expect(a.length).toBe(b.length);
  return most / largest;
}

test.each<[string, Lora[]]>([
  ['peft', [first]],
  ['both', [first, second]],
])('weights that %s change, and only those, as PyTorch merges them', async (which, loras) => {
  const { used } = device.memory();
  const changes = loraChanges(loras, shapes);
  const weights = await loadWeights(device, base!, shapes, { changes });
  for (const [name, tensor] of Object.entries(weights)) {
    const wanted = [`${which}.${name}`, `peft.${name}`].find((key) => expected!.has(key));
    expect(changes.has(name)).toBe(wanted !== undefined);
    expect([name, tensor.shape, tensor.dtype]).toEqual([name, shapes[name], 'f32']);
    const values = await tensor.read();
    if (wanted === undefined) expect(values).toEqual(await floats(base!, name));
    else expect(difference(values, await floats(expected!, wanted)), name).toBeLessThan(1e-6);
    tensor.dispose();
  }
  expect(device.memory().used).toBe(used);
});

test('merged before they are quantised or rounded, layer by layer as well', async () => {
  const changes = loraChanges([first], shapes);
  const name = 'layers.0.attention.wq.weight';
  const wanted = await floats(expected!, `peft.${name}`);
  const prefix = 'layers.0.';
  const spec = { 'attention.wq.weight': shapes[name]! };
  const only = { changes, prefix, ignore: () => true, linear: () => true };
  for (const format of ['q8', 'q4'] satisfies QuantFormat[]) {
    const weights = await loadWeights(device, base!, spec, { ...only, quantize: format });
    const [tensor] = Object.values(weights);
    expect(tensor!.dtype).toBe(format);
    const rounded = dequantize(quantize(wanted, format), format);
    expect(difference(await tensor!.read(), rounded)).toBeLessThan(format === 'q8' ? 0.01 : 0.1); // a step of a code
    tensor!.dispose();
  }
  if (!device.target.f16) return;
  const [half] = Object.values(await loadWeights(device, base!, spec, { ...only, dtype: 'f16' }));
  expect(half!.dtype).toBe('f16');
  expect(difference(await half!.read(), wanted)).toBeLessThan(2 ** -10);
  half!.dispose();
});

const source = (tensors: Record<string, readonly number[]>): WeightSource => ({
  names: () => Object.keys(tensors),
  shape: (name) => tensors[name]!,
  dtype: () => 'F32',
  read: async (name) => new Uint8Array(4 * tensors[name]!.reduce((a, b) => a * b, 1)),
});
const model = { 'a.weight': [6, 4], 'a.bias': [6], 'transformer.c.weight': [2, 3, 1, 2, 2] };

test.each<[string, Record<string, readonly number[]>, string]>([
  [
    'no such module',
    { 'transformer.z.lora_A.weight': [2, 4], 'transformer.z.lora_B.weight': [6, 2] },
    'the model has no transformer.z.weight',
  ],
  [
    'shapes of another width',
    { 'a.lora_A.weight': [2, 5], 'a.lora_B.weight': [6, 2] },
    'a: A [2, 5] and B [6, 2] do not fit [6, 4]',
  ],
  [
    'ranks that differ',
    { 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 3] },
    'a: A [2, 4] and B [6, 3] do not fit [6, 4]',
  ],
  [
    'a B that is turned',
    { 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [2, 6] },
    'a: A [2, 4] and B [2, 6] do not fit [6, 4]',
  ],
  ['half a change', { 'a.lora_B.weight': [6, 2] }, 'a has no lora_A'],
  ['a model', { 'a.weight': [6, 4] }, 'a.weight is not a lora_A, lora_B or alpha'],
  [
    'a part twice',
    { 'a.lora_A.weight': [2, 4], 'a.lora_A.default.weight': [2, 4], 'a.lora_B.weight': [6, 2] },
    'a.lora_A.weight and a.lora_A.default.weight are the same part of a',
  ],
  [
    'a module by two names',
    {
      'a.lora_A.weight': [2, 4],
      'a.lora_B.weight': [6, 2],
      'unet.a.lora_A.weight': [2, 4],
      'unet.a.lora_B.weight': [6, 2],
    },
    'a and unet.a are both a',
  ],
  ['nothing', {}, 'it holds no lora_A and lora_B'],
  [
    'many faults',
    Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x${i}`, [1]])),
    'x4 is not a lora_A, lora_B or alpha; and 3 more',
  ],
])('%s: one line', (_, tensors, said) => {
  const fails = () => loraChanges([{ source: source(tensors), label: 'style.safetensors' }], model);
  expect(fails).toThrow(WeightsError);
  expect(fails).toThrow(/^style\.safetensors: this LoRA does not fit the model: [^\n]+$/);
  expect(fails).toThrow(said);
});

test("kohya's flattened names find the model's own, in every spelling of the prefix", () => {
  const layers = {
    'layers.0.feed_forward.w2.weight': [6, 4],
    'a_b.c.weight': [6, 4],
    'a.b_c.weight': [6, 4],
  };
  const flat = (prefix: string, module: string) => ({
    [`${prefix}_${module}.lora_down.weight`]: [2, 4],
    [`${prefix}_${module}.lora_up.weight`]: [6, 2],
    [`${prefix}_${module}.alpha`]: [],
  });
  for (const prefix of ['lora_unet', 'lora_transformer', 'lycoris'])
    expect(
      loraChanges([{ source: source(flat(prefix, 'layers_0_feed_forward_w2')) }], layers).has(
        'layers.0.feed_forward.w2.weight',
      ),
    ).toBe(true);
  // Two modules that are flattened to one name.
  expect(() => loraChanges([{ source: source(flat('lora_unet', 'a_b_c')) }], layers)).toThrow(
    'lora_unet_a_b_c may be a_b.c or a.b_c',
  );
});

test('differences of weights and biases are added, by their weight', async () => {
  const numbers: Record<string, number[]> = { 'a.diff': [1, 2, 3, 4], 'a.diff_b': [5, 6] };
  const given: WeightSource = {
    ...source({ 'a.diff': [2, 2], 'a.diff_b': [2] }),
    read: async (name) => new Uint8Array(Float32Array.from(numbers[name]!).buffer),
  };
  const changes = loraChanges([{ source: given, weight: 0.5 }], { 'a.weight': [2, 2], 'a.bias': [2] });
  for (const [name, before, after] of [
    ['a.weight', [1, 1, 1, 1], [1.5, 2, 2.5, 3]],
    ['a.bias', [1, 1], [3.5, 4]],
  ] as const) {
    const weight = Tensor.from(device, [...before], before.length === 4 ? [2, 2] : [2]);
    const changed = await changes.apply(name, weight);
    expect([...(await changed.read())]).toEqual(after);
    for (const tensor of [weight, changed]) tensor.dispose();
  }
  expect(() => loraChanges([{ source: given }], { 'a.weight': [2, 2] })).toThrow(
    'the model has no a.bias, which a.diff_b changes',
  );
});

test("a table without .weight, and PEFT's bias of B by the scale of its module", async () => {
  const numbers: Record<string, number[]> = {
    'table.diff': [1, 2],
    'a.lora_A.weight': [1, 0],
    'a.lora_B.weight': [0],
    'a.lora_B.bias': [4],
    'a.alpha': [3],
  };
  const given: WeightSource = {
    ...source({
      'table.diff': [2],
      'a.lora_A.weight': [1, 2],
      'a.lora_B.weight': [1, 1],
      'a.lora_B.bias': [1],
      'a.alpha': [],
    }),
    read: async (name) => new Uint8Array(Float32Array.from(numbers[name]!).buffer),
  };
  const shapes = { table: [2], 'a.weight': [1, 2], 'a.bias': [1] };
  const changes = loraChanges([{ source: given, weight: 0.5 }], shapes);
  for (const [name, before, after] of [
    ['table', [1, 1], [1.5, 2]],
    ['a.bias', [1], [7]],
  ] as const) {
    const weight = Tensor.from(device, [...before], [before.length]);
    const changed = await changes.apply(name, weight);
    expect([...(await changed.read())]).toEqual(after);
    for (const tensor of [weight, changed]) tensor.dispose();
  }
});

test('what cannot be applied is refused in one line with its share, or left out where that is asked for', () => {
  const whole = { 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 2] };
  const dora = { 'b.lora_A.weight': [2, 4], 'b.lora_B.weight': [6, 2], 'b.lora_magnitude_vector': [6] };
  const text = { 'lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight': [2, 4] };
  const both = { 'a.weight': [6, 4], 'b.weight': [6, 4] };
  const given = { source: source({ ...whole, ...dora, ...text, 'c.hada_w1_a': [2] }), label: 'x' };
  expect(() => loraChanges([given], both)).toThrow(
    /^x: 3 of its 7 tensors cannot be applied \(DoRA 1, of a text encoder 1, LoHa 1\); --lora-partial \(partial in the library\)[^\n]+$/,
  );
  const lines: string[] = [];
  const changes = loraChanges([{ ...given, partial: true, onNote: (line) => lines.push(line) }], both);
  expect([changes.has('a.weight'), changes.has('b.weight')]).toEqual([true, false]);
  expect(lines).toEqual([expect.stringMatching(/^x: 3 of its 7 tensors .*: 1 modules are applied$/)]);
  expect(() => loraChanges([{ source: source(dora), partial: true }], both)).toThrow('it holds no lora_A');
});

test('every prefix and spelling finds its weight', () => {
  for (const [down, up] of [
    ['base_model.model.a.lora_A.weight', 'base_model.model.a.lora_B.weight'],
    ['transformer.a.lora_A.weight', 'transformer.a.lora_B.weight'],
    [
      'base_model.model.transformer.a.lora_A.default.weight',
      'base_model.model.transformer.a.lora_B.default.weight',
    ],
    ['diffusion_model.a.lora_down.weight', 'diffusion_model.a.lora_up.weight'],
    ['a.lora.down.weight', 'a.lora.up.weight'],
  ] as const)
    expect(loraChanges([{ source: source({ [down]: [2, 4], [up]: [6, 2] }) }], model).has('a.weight')).toBe(
      true,
    );
  const window = source({ 'c.lora_A.weight': [2, 3, 1, 2, 2], 'c.lora_B.weight': [2, 2, 1, 1, 1] });
  expect(() => loraChanges([{ source: window }], model)).toThrow('the model has no c.weight');
  const own = source({ 'transformer.c.lora_A.weight': [2, 12], 'transformer.c.lora_B.weight': [2, 2] });
  expect(loraChanges([{ source: own }], model).has('transformer.c.weight')).toBe(true);
});

test('what fails while a change is read leaves nothing behind', async () => {
  const { used } = device.memory();
  const failing: WeightSource = {
    ...source({ 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 2] }),
    read: () => Promise.reject(new Error('disk')),
  };
  const spec = { 'a.weight': [6, 4] };
  const changes = loraChanges([{ source: failing }], model);
  await expect(loadWeights(device, source(spec), spec, { changes })).rejects.toThrow('disk');
  expect(device.memory().used).toBe(used);
});

const twice = (read: WeightSource['read']) => {
  const tensors = { 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 2] };
  return loraChanges([{ source: source(tensors) }, { source: { ...source(tensors), read } }], model);
};

test('between two changes of a weight, scopes of others end and reads fail', async () => {
  const { used } = device.memory();
  const spec = { 'a.weight': [6, 4] };
  let [reached, go] = [() => {}, () => {}];
  const second = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  const changes = twice(async (name) => {
    reached();
    await waiting;
    return source({ 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 2] }).read(name);
  });
  const { loading } = await scopeAsync(device, async () => {
    const loading = loadWeights(device, source(spec), spec, { changes });
    await second;
    return { loading };
  });
  go();
  const weights = await loading;
  expect(await weights['a.weight'].read()).toEqual(new Float32Array(24));
  weights['a.weight'].dispose();
  const failing = twice(() => Promise.reject(new Error('disk')));
  await expect(loadWeights(device, source(spec), spec, { changes: failing })).rejects.toThrow('disk');
  expect(device.memory().used).toBe(used);
});

test('more bytes of a changed weight than it has', async () => {
  const { used } = device.memory();
  const spec = { 'a.weight': [6, 4] };
  const changes = loraChanges(
    [{ source: source({ 'a.lora_A.weight': [2, 4], 'a.lora_B.weight': [6, 2] }) }],
    model,
  );
  const surplus = (more: number): WeightSource => ({
    ...source(spec),
    async *pieces() {
      for (const length of [96, more]) yield { name: 'a.weight', data: new Uint8Array(length) };
    },
  });
  await expect(loadWeights(device, surplus(4), spec, { changes })).rejects.toThrow(
    'weights: a.weight has more bytes than its shape says',
  );
  (await loadWeights(device, surplus(0), spec, { changes }))['a.weight'].dispose();
  expect(device.memory().used).toBe(used);
});

test.each<[string, { quantize?: QuantFormat; loras: number }]>([
  ['f32', { loras: 1 }],
  ['f32, two of them', { loras: 2 }],
  ['q8', { quantize: 'q8', loras: 1 }],
  ['q4, two of them', { quantize: 'q4', loras: 2 }],
])('what merging takes is known beforehand: %s', async (_, { quantize, loras }) => {
  const spec = { 'a.weight': [512, 256] };
  const tensors = { 'a.lora_A.weight': [8, 256], 'a.lora_B.weight': [512, 8] };
  const changes = loraChanges(Array(loras).fill({ source: source(tensors) }), spec);
  const options = { changes, linear: () => true, ...(quantize && { quantize }) };
  const from = source(spec);
  const { used } = device.memory();
  device.resetPeak();
  const weights = await loadWeights(device, from, spec, options);
  await device.sync();
  const most = device.memory().peakUsed - used;
  weights['a.weight'].dispose();
  const known = weightBytes(from, ['a.weight'], options) + changingBytes(from, ['a.weight'], options);
  expect(most).toBeLessThanOrEqual(known);
  expect(most).toBeGreaterThan(0.9 * known);
  expect(changingBytes(from, ['a.weight'], {})).toBe(0);
});
