// Quantised weights on their way to the device: from quantised files as they are, from plain ones quantised on the
// way; what that saves; and what is refused. The products are in the case list.
import { readFile } from 'node:fs/promises';
import {
  dequantize,
  linearKernel,
  linearVariants,
  quantize,
  quantizedParts,
  swigluKernel,
  swigluVariants,
} from '@moviegen/kernels';
import { Safetensors } from '@moviegen/safetensors';
import {
  cast,
  linear,
  loadWeights,
  pack,
  permute,
  quantizedWeights,
  scopeAsync,
  swiglu,
  Tensor,
  WeightBook,
  type WeightSource,
  WeightsError,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';
import { create } from 'webgpu';

const device = await testDevice();
const formats = ['q8', 'q4'] as const;
const spec = { 'proj.weight': [20, 96], 'proj.bias': [20] };
const linearWeights = (name: string) => name === 'proj.weight';

/** A file of the fixture that the reference's encoder wrote. */
const open = async (path: string) =>
  Safetensors.open(
    new Uint8Array(await readFile(new URL(`../../moviegen/fixtures/quantized/${path}`, import.meta.url))),
  );
const plain = await open('weights.safetensors');
const files = { q8: await open('q8/model.safetensors'), q4: await open('q4/model.safetensors') };

/** Numbers that no format holds exactly. */
const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));

describe.each(formats)('%s', (format) => {
  test('the encoder writes the reference’s bytes, the decoder reads its numbers', async () => {
    const values = new Float32Array((await plain.read('proj.weight')).buffer);
    const { codes, scales } = quantize(values, format);
    expect(codes).toEqual(await files[format].read(`proj.weight.${format}`));
    expect(new Uint8Array(scales.buffer)).toEqual(await files[format].read('proj.weight.scale'));
    const reference = await open(`${format}.safetensors`);
    const expected = new Float32Array((await reference.read('weight')).buffer);
    expect(dequantize({ codes, scales }, format)).toEqual(expected);
  });

  test('a quantised file stays so; a plain one quantised on the way gives the same', async () => {
    await scopeAsync(device, async () => {
      const loaded = await loadWeights(device, files[format], spec, { linear: linearWeights });
      const made = await loadWeights(device, plain, spec, { linear: linearWeights, quantize: format });
      for (const { 'proj.weight': weight, 'proj.bias': bias } of [loaded, made]) {
        expect([weight.dtype, bias.dtype]).toEqual([format, 'f32']);
        const expected = await (await open(`${format}.safetensors`)).read('weight');
        expect(await weight.read()).toEqual(new Float32Array(expected.buffer));
      }
      const x = Tensor.from(device, numbers(3 * 96), [3, 96]);
      const results = [loaded, made].map((weights) => linear(x, pack(weights['proj.weight'])));
      expect(await results[0]!.read()).toEqual(await results[1]!.read());
      for (const tensor of [...Object.values(loaded), ...Object.values(made)]) tensor.dispose();
    });
  });

  test('pieces of any length give the same blocks', async () => {
    const bytes = await plain.read('proj.weight');
    const source: WeightSource = {
      names: () => ['proj.weight'],
      shape: (name) => plain.shape(name),
      dtype: () => 'F32',
      read: (name) => plain.read(name),
      async *pieces() {
        let at = 0;
        for (const length of [4, 28, 96, 1280, 12, 4000, 132]) {
          yield { name: 'proj.weight', data: bytes.slice(at, at + length) };
          at += length;
        }
        yield { name: 'proj.weight', data: bytes.slice(at) };
      },
    };
    const only = { 'proj.weight': [20, 96] };
    const options = { linear: linearWeights, quantize: format };
    const { 'proj.weight': weight } = await loadWeights(device, source, only, options);
    const expected = await (await open(`${format}.safetensors`)).read('weight');
    expect(await weight.read()).toEqual(new Float32Array(expected.buffer));
    weight.dispose();
    source.pieces = async function* () {
      yield { name: 'proj.weight', data: bytes.slice(0, 200) };
    };
    await expect(loadWeights(device, source, only, options)).rejects.toThrow('ends after 50 of 1920 numbers');
  });

  test('takes its share of the memory, and of several weights stacked too', () => {
    const width = 1024;
    const before = device.memory().used;
    const bytesOf = (dtype: 'f32' | typeof format) => {
      const start = device.memory().used;
      const names = ['a', 'b', 'c'];
      const shapes = Object.fromEntries(names.map((name) => [name, [width, width]]));
      const weights = Object.fromEntries(
        names.map((name) => [name, Tensor.zeros(device, [width, width], dtype)]),
      );
      const book = new WeightBook('test', weights, shapes);
      book.packed(...names);
      const bytes = device.memory().used - start;
      book.dispose();
      return bytes;
    };
    const ratio = bytesOf('f32') / bytesOf(format);
    expect(ratio).toBeGreaterThan(format === 'q8' ? 3.6 : 7); // 4 / 1.0625 and 4 / 0.5625 but for size classes
    expect(device.memory().used).toBe(before);
  });

  test('weights stacked along the output keep their places', async () => {
    await scopeAsync(device, async () => {
      const weights = [4, 12, 8].map((n, i) =>
        Tensor.from(
          device,
          numbers(n * 64).map((v) => v + i),
          [n, 64],
          { dtype: format },
        ),
      );
      const x = Tensor.from(device, numbers(5 * 64), [5, 64]);
      const together = await linear(x, pack(weights)).read();
      const alone = await Promise.all(weights.map((weight) => linear(x, pack(weight)).read()));
      const rows = Array.from({ length: 5 }, (_, row) =>
        alone.flatMap((part) => [...part.subarray((row * part.length) / 5, ((row + 1) * part.length) / 5)]),
      );
      expect([...together]).toEqual(rows.flat());
    });
  });

  test('a packed weight larger than a binding lies in several buffers, and gives the same', async () => {
    const limits = device.limits as { maxStorageBufferBindingSize: number };
    const adapters = limits.maxStorageBufferBindingSize;
    await scopeAsync(device, async () => {
      const weights = [0, 1].map((i) =>
        Tensor.from(
          device,
          numbers(40 * 64).map((v) => v - i),
          [40, 64],
          { dtype: format },
        ),
      );
      const x = Tensor.from(device, numbers(5 * 64), [5, 64]);
      const both = () => {
        const [stacked, gated] = [pack(weights), pack(weights, { use: 'swiglu' })];
        const results = [linear(x, stacked), swiglu(x, gated)];
        return { results, parts: [stacked.parts?.length, gated.parts?.length] };
      };
      const right = both();
      limits.maxStorageBufferBindingSize = weights[0]!.bytes;
      let cut: ReturnType<typeof both>;
      try {
        cut = both();
      } finally {
        limits.maxStorageBufferBindingSize = adapters;
      }
      expect([right.parts, cut.parts]).toEqual([
        [undefined, undefined],
        [2, 2],
      ]);
      for (const [i, result] of cut.results.entries())
        expect(await result.read()).toEqual(await right.results[i]!.read());
    });
  });

  test('bytes in a tensor come back', async () => {
    const tensor = Tensor.from(device, numbers(96), [3, 32], { dtype: format });
    expect(tensor.bytes).toBe(format === 'q8' ? 102 : 54);
    const { codes, scales } = quantize(numbers(96), format);
    expect(await tensor.read()).toEqual(dequantize({ codes, scales }, format));
    tensor.dispose();
  });
});

test('what is quantised can be asked', () => {
  expect([...quantizedWeights(files.q4)]).toEqual([['proj.weight', 'q4']]);
  expect(quantizedWeights(plain).size).toBe(0);
});

test('refuses what it cannot read or write', async () => {
  const load = (source: WeightSource, options: Parameters<typeof loadWeights>[3]) =>
    loadWeights(device, source, spec, options);
  await expect(load(files.q8, {})).rejects.toThrow(
    /1 quantised where this model reads plain numbers[\s\S]*proj.weight Q8/,
  );
  await expect(load(files.q4, { linear: linearWeights, quantize: 'q8' })).rejects.toThrow(
    /quantised in another format than q8[\s\S]*proj.weight Q4/,
  );
  const broken = (change: Partial<WeightSource>): WeightSource => ({
    names: () => files.q8.names(),
    shape: (name) => files.q8.shape(name),
    dtype: (name) => files.q8.dtype(name),
    read: (name) => files.q8.read(name),
    ...change,
  });
  const faults = [
    [
      broken({ names: () => ['proj.weight.q8', 'proj.bias'] }),
      'proj.weight.scale is missing, expected F16 [20, 3]',
    ],
    [broken({ dtype: () => 'F32' }), 'proj.weight.q8 is F32 [20, 96], expected I8'],
    [broken({ names: () => [...files.q8.names(), 'proj.weight'] }), 'proj.weight is there twice'],
  ] as const;
  for (const [source, message] of faults) {
    const error = await load(source, { linear: linearWeights }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WeightsError);
    expect((error as Error).message).toContain(message);
  }
  const infinite = broken({
    names: () => ['proj.weight', 'proj.bias'],
    dtype: () => 'F32',
    shape: (name) => spec[name as keyof typeof spec],
    read: async (name) =>
      new Uint8Array(
        new Float32Array(name === 'proj.bias' ? 20 : 1920).fill(Number.POSITIVE_INFINITY).buffer,
      ),
  });
  await expect(load(infinite, { linear: linearWeights, quantize: 'q8' })).rejects.toThrow(
    'proj.weight: quantize: the 32 numbers from 0 on hold 0 to Infinity',
  );
  expect(() => quantize(new Float32Array(33), 'q8')).toThrow('not a whole number of blocks');
});

test('other ops refuse quantised weights', () => {
  const weight = Tensor.zeros(device, [4, 32], 'q8');
  expect(() => permute(weight, [1, 0])).toThrow(
    'permute: got a q8 weight, which only pack, linear and swiglu take',
  );
  expect(() => cast(weight, 'f32')).toThrow('cast: got a q8 weight');
  expect(() => Tensor.zeros(device, [4, 33], 'q8')).toThrow('whole blocks of 32');
  const odd = Tensor.zeros(device, [3, 32], 'q4');
  expect(() => pack(odd)).toThrow('q4 weights have inputs of 32 and outputs of 4 or multiples, got [3, 32]');
  for (const tensor of [weight, odd]) tensor.dispose();
});

test('parts of a weight’s bytes are told apart', () => {
  const { codes, scales } = quantizedParts(new Uint8Array(2 * 34), 'q8');
  expect([codes.length, scales.length]).toEqual([64, 2]);
});

test('the text of every variant for GPUs is valid WGSL', async () => {
  // Dawn's null backend has the language, but no driver: what an adapter with a driver runs is in the case list.
  const gpu = create(['backend=null']);
  const adapter = await gpu.requestAdapter();
  const nowhere = await adapter!.requestDevice({ requiredFeatures: ['shader-f16'] });
  const target = {
    ...{ ...device.target, f16: true, software: false, subgroups: false, subgroupMatrix: [] },
    ...{ maxWorkgroupSize: 1024, maxWorkgroupStorage: 49152 },
  };
  const shape = { rows: 1024, K: 1024, N: 1024, pitch: 256 };
  for (const weight of formats)
    for (const dtype of ['f32', 'f16'] as const) {
      const [one, two] = [linearVariants(shape, target, dtype), swigluVariants(shape, target, dtype)];
      expect(one).toContain('shared 128x128');
      for (const { code, label } of [
        ...one.map((variant) => linearKernel({ ...shape, weight }, dtype, target, variant)),
        ...two.map((variant) => swigluKernel({ ...shape, weight }, dtype, target, variant)),
      ]) {
        nowhere.pushErrorScope('validation');
        nowhere.createShaderModule({ label, code });
        const error = await nowhere.popErrorScope();
        expect(error?.message ?? '', label).toBe('');
      }
    }
  nowhere.destroy();
  expect([gpu, adapter]).toHaveLength(2); // the binding frees what nothing holds under a device that lives
});
