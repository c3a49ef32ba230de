// What the DiT is given beside the latents and the text: as long as its weights are zero, the base model's result to the bit;
// and what does not fit is said.

import { DiT, type DiTConfig, parseConfig, StreamedDiT } from '@moviegen/dit';
import { type Device, randn, scope, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, expect, test } from 'vitest';

const base = {
  in_channels: 4,
  out_channels: 4,
  hidden_size: 32,
  num_layers: 2,
  num_heads: 2,
  ffn_hidden_size: 40,
  timestep_dim: 16,
  max_grid: [2, 3, 3],
  text_dims: { ul2: 8 },
};
const plainConfig = parseConfig(base);
const configs = {
  video: parseConfig({ ...base, in_channels: 8, conditioning: 'video' }),
  masked: parseConfig({ ...base, in_channels: 9, conditioning: 'masked', tasks: ['add', 'remove'] }),
};

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => expect(device.memory().used).toBe(used));
let used = 0;

/** The weights of the base model; the new channels and the tasks' tokens and times are zero. */
async function widened(config: DiTConfig): Promise<Record<string, Tensor>> {
  const plain = DiT.weightShapes(plainConfig);
  const made: Record<string, Tensor> = {};
  for (const [i, [name, shape]] of Object.entries(plain).entries())
    made[name] = randn(device, shape, { seed: i });
  const [D, all] = [config.hiddenSize, DiT.weightShapes(config)];
  const [narrow, wide] = [made['patch_embed.weight']!, config.inChannels];
  const values = await narrow.read();
  const data = new Float32Array(D * wide * 4);
  for (let d = 0; d < D; d++)
    for (let k = 0; k < 16; k++) data[d * wide * 4 + k] = Number(values[d * 16 + k]);
  narrow.dispose();
  made['patch_embed.weight'] = Tensor.from(device, data, all['patch_embed.weight']!);
  for (const [name, shape] of Object.entries(all))
    made[name] ??=
      name === 'task_embed.weight' ? randn(device, shape, { seed: 99 }) : Tensor.zeros(device, shape);
  return made;
}
const plainWeights = () =>
  Object.fromEntries(
    Object.entries(DiT.weightShapes(plainConfig)).map(([name, shape], i) => [
      name,
      randn(device, shape, { seed: i }),
    ]),
  );

test.each(['video', 'masked'] as const)(
  'with zero channels, %s gives what the base model gives',
  async (name) => {
    used = device.memory().used;
    const [plain, wide] = [
      new DiT(device, plainConfig, plainWeights()),
      new DiT(device, configs[name], await widened(configs[name])),
    ];
    const K = wide.config.inChannels - 4;
    const [expected, got, left] = scope(device, () => {
      const x = randn(device, [1, 4, 2, 4, 6], { seed: 1 });
      const [t, states] = [Tensor.from(device, [0.3]), randn(device, [1, 5, 8], { seed: 2 })];
      const text = { ul2: { states, lengths: [5] } };
      const given = wide.embedGiven(randn(device, [1, K, 2, 4, 6], { seed: 3 }));
      const context = wide.context(text);
      return [
        plain.forward(x, t, plain.context(text)),
        wide.forward(x, t, context, { given }),
        wide.forward(x, t, context),
      ];
    });
    const values = await expected!.read();
    expect(await got!.read()).toEqual(values);
    expect(await left!.read()).toEqual(values);
    for (const one of [expected, got, left, plain, wide]) one!.dispose();
  },
);

test('a task is heard once it is trained, and what does not fit is said', async () => {
  used = device.memory().used;
  const weights = await widened(configs.masked);
  for (const name of ['task_tokens.weight', 'task_time.weight']) {
    weights[name]!.dispose();
    weights[name] = randn(device, DiT.weightShapes(configs.masked)[name]!, { seed: 7 });
  }
  const dit = new DiT(device, configs.masked, weights);
  const results = scope(device, () => {
    const x = randn(device, [1, 4, 1, 2, 4], { seed: 1 });
    const [t, states] = [Tensor.from(device, [0.3]), randn(device, [1, 5, 8], { seed: 2 })];
    const text = { ul2: { states, lengths: [5] } };
    const of = (tasks: readonly (number | undefined)[]) => dit.forward(x, t, dit.context(text, { tasks }));
    expect(() => of([3])).toThrow('a task must be a row from 0 to 2, got 3');
    expect(() => of([1, 1])).toThrow('tasks of 1 prompts expected, got 2');
    expect(() => dit.embedGiven(x)).toThrow('given must be [B, 5, T, H, W], got [1, 4, 1, 2, 4]');
    return [of([undefined]), dit.forward(x, t, dit.context(text)), of([0]), of([2])];
  });
  const [without, plain, first, any] = await Promise.all(results.map((tensor) => tensor.read()));
  expect(without).toEqual(plain);
  expect(first).not.toEqual(plain);
  expect(any).not.toEqual(first);
  for (const one of [...results, dit]) one.dispose();
});

test('streamed layers give the same, to the bit', async () => {
  used = device.memory().used;
  const shapes = DiT.weightShapes(configs.masked);
  const values = new Map<string, Float32Array>();
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
    const tensor = randn(device, shape, { seed: i });
    values.set(name, (await tensor.read()) as Float32Array);
    tensor.dispose();
  }
  const bytes = (name: string) => new Uint8Array(values.get(name)!.slice().buffer);
  const source = {
    names: () => [...values.keys()],
    shape: (name: string) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name: string) => bytes(name),
    async *pieces(names: readonly string[]) {
      for (const name of names) yield { name, offset: 0, data: bytes(name) };
    },
  };
  const whole = await DiT.load(device, source, configs.masked);
  const streamed = await StreamedDiT.load(device, source, configs.masked, { resident: 1 });
  const x = randn(device, [1, 4, 1, 2, 4], { seed: 1 });
  const shown = randn(device, [1, 5, 1, 2, 4], { seed: 3 });
  const [t, states] = [Tensor.from(device, [0.3]), randn(device, [1, 5, 8], { seed: 2 })];
  const text = { ul2: { states, lengths: [5] } };
  const [a, b] = [whole.context(text, { tasks: [1] }), await streamed.contextAsync(text, { tasks: [1] })];
  const [given, same] = [whole.embedGiven(shown), streamed.embedGiven(shown)];
  const [u, v] = [whole.forward(x, t, a, { given }), await streamed.forwardAsync(x, t, b, { given: same })];
  expect(await v.read()).toEqual(await u.read());
  for (const one of [x, shown, t, states, a, b, given, same, u, v, whole, streamed]) one.dispose();
});
