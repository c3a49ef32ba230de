// Tensors larger than a buffer may be: they lie in several, and whoever uses them never sees it. The case list runs
// so in parts.test.ts; here is all else that a tensor can do, on a device whose buffers are small.
import {
  add,
  attention,
  cast,
  concat,
  conv2d,
  type Device,
  dryDevice,
  embedding,
  groupNorm,
  linear,
  loadWeights,
  matmul,
  max,
  mean,
  mul,
  OutOfMemoryError,
  pack,
  pad,
  randn,
  rmsNorm,
  scope,
  scopeAsync,
  slice,
  sum,
  swiglu,
  Tensor,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, describe, expect, test } from 'vitest';

/** Buffers of 18 rows of 256 bytes: one of the very limit is never made. */
const limits = { maxBufferSize: 19 * 256, maxStorageBufferBindingSize: 16 * 256 };
const [device, large] = [await openDevice({ limits }), await openDevice()];
afterAll(() => {
  for (const one of [device, large]) one.destroy();
});

/** Numbers that f32 holds. */
const numbers = (count: number, from = 0) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(from + i * i));

/** What `work` gives on a device whose buffers hold everything. */
const whole = <T>(work: (on: Device) => Promise<T>) => scopeAsync(large, () => work(large));

test('numbers go in and come out', async () => {
  await scopeAsync(device, async () => {
    const data = numbers(40 * 70);
    const x = Tensor.from(device, data, [40, 70]);
    expect(await x.read()).toEqual(data);
    expect(await x.reshape([70, 40]).read()).toEqual(data);
    const narrow = x.reshape([175, 16]);
    expect(narrow.rows(60, 80)).toBeUndefined(); // across a cut: no kernel could bind it
    expect(await slice(narrow, { start: [60], end: [80] }).read()).toEqual(data.slice(60 * 16, 80 * 16));
    expect(await narrow.rows(8, 168)!.read()).toEqual(data.slice(8 * 16, 168 * 16)); // ops take that in parts
    const late = x.read(); // what is written later is not seen
    x.write(numbers(40 * 70, 1));
    expect([await late, await x.read()]).toEqual([data, numbers(40 * 70, 1)]);
    expect([...(await Tensor.zeros(device, [3000]).read())]).toEqual(new Array(3000).fill(0));
    expect([...(await Tensor.full(device, [50, 60], 7, 'u32').read())]).toEqual(new Array(3000).fill(7));
  });
});

describe('memory', () => {
  test('is counted exactly, and given back', () => {
    device.trim();
    const before = device.memory();
    const x = Tensor.zeros(device, [40, 64]); // 18 rows of 256 bytes a buffer, and 4 in the last
    const view = x.reshape([64, 40]);
    const { used, buffers } = device.memory();
    expect([used - before.used, buffers - before.buffers]).toEqual([40 * 256, 3]);
    x.dispose();
    expect(device.memory().used).toBe(used);
    view.dispose();
    expect(device.memory().used).toBe(before.used);
    Tensor.zeros(device, [40, 64]).dispose();
    expect(device.memory().buffers).toBe(buffers); // from the pool
  });

  test('is that of a device which only counts', async () => {
    const work = async (on: Device) => {
      on.trim();
      on.resetPeak();
      const start = on.memory().used;
      await scopeAsync(on, async () => {
        const x = randn(on, [60, 64], { seed: 1 });
        await linear(x, pack(randn(on, [96, 64], { seed: 2 }))).read();
      });
      return on.memory().peakUsed - start;
    };
    const made: number[] = [];
    const dry = await dryDevice({ like: device, onBuffer: (bytes) => made.push(bytes) });
    expect(await work(dry)).toBe(await work(device));
    expect(Math.max(...made.filter((bytes) => bytes < 65536))).toBeLessThanOrEqual(limits.maxBufferSize);
    dry.destroy();
  });

  test('of halves and odd rows too is never more a buffer', async () => {
    const made: number[] = [];
    const seen = new Set<string>();
    const dry = await dryDevice({
      limits, // with the features of a large GPU, f16 among them
      onBuffer: (bytes) => made.push(bytes),
      onDispatch: ({ label }) => seen.add(label.split(' ')[0]!),
    });
    const fixed = made.length; // its own, for uniforms
    scope(dry, () => {
      for (const width of [67, 80]) {
        const x = Tensor.empty(dry, [4, 25, width], 'f16');
        const weight = pack(Tensor.empty(dry, [3 * width, width], 'f16'));
        const qkv = linear(rmsNorm(x), weight, { bias: Tensor.zeros(dry, [3 * width], 'f16') });
        const y = attention(qkv, qkv, qkv, { heads: 3 });
        expect(y.shape).toEqual([4, 25, 3 * width]);
        mean(matmul(cast(y, 'f32'), Tensor.empty(dry, [3 * width, 40])), { axes: [1] });
        for (const axis of [0, 1, 2]) concat([x, x], { axis });
        add(x, Tensor.empty(dry, [25, 1], 'f16'));
      }
    });
    expect([...seen]).toEqual(expect.arrayContaining(['linear', 'attention', 'matmul', 'mean', 'slice']));
    expect(Math.max(...made.slice(fixed))).toBeLessThan(limits.maxBufferSize);
    dry.destroy();
  });

  test('that ends within a tensor is given back', async () => {
    const little = await openDevice({ limits, memoryLimit: 90_000 }); // uniforms take 65,536
    const { used } = little.memory();
    expect(() => Tensor.empty(little, [100, 64], 'f32', 'huge')).toThrow(OutOfMemoryError);
    expect(() => Tensor.empty(little, [100, 64], 'f32', 'huge')).toThrow(
      /^huge, buffer 6 of 6: out of memory/,
    );
    expect(little.memory().used).toBe(used);
    little.destroy();
  });

  test('that no device has is refused by name', () => {
    const rows = Math.ceil((1025 * limits.maxBufferSize) / 256);
    expect(() => Tensor.empty(device, [rows, 64], 'f32', 'huge')).toThrow(
      /^huge: needs \d+ bytes, more than 1024 buffers of 4608 bytes, the most that one holds here/,
    );
  });
});

test('a recording replays with them, and holds them', async () => {
  const work = (on: Device) =>
    scopeAsync(on, async () => {
      const x = Tensor.from(on, numbers(40 * 64), [40, 64]);
      const recording = on.record(() => {
        const constant = Tensor.from(on, numbers(40 * 64, 3), [40, 64]);
        return scope(on, () => add(add(mul(x, 2), constant), Tensor.zeros(on, [40, 64])));
      });
      const results: number[][] = [];
      for (const from of [0, 5]) {
        x.write(numbers(40 * 64, from));
        results.push([...(await recording.run().read())]);
      }
      x.dispose();
      results.push([...(await recording.run().read())]);
      recording.destroy();
      return results;
    });
  const { used } = device.memory();
  expect(await work(device)).toEqual(await work(large));
  expect(device.memory().used).toBe(used);
});

/** A source of f32 tensors that come in small pieces. */
function sourceOf(shapes: Readonly<Record<string, readonly number[]>>): WeightSource {
  const names = Object.keys(shapes);
  const data = (name: string) => {
    const size = shapes[name]!.reduce((product, n) => product * n, 1);
    return new Uint8Array(numbers(size, names.indexOf(name)).buffer);
  };
  return {
    names: () => names,
    shape: (name) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name) => data(name),
    async *pieces(wanted) {
      for (const name of wanted) {
        const bytes = data(name);
        for (let at = 0; at < bytes.length; at += 5000) yield { name, data: bytes.slice(at, at + 5000) };
      }
    },
  };
}

describe.each([undefined, 'q8', 'q4'] as const)('weights, quantised: %s', (quantize) => {
  test('load, and serve tables and layers', async () => {
    const shapes = { table: [100, 32], q: [160, 64], k: [72, 64], w1: [88, 64], w3: [88, 64] };
    const work = async (on: Device) => {
      const linearWeights = (name: string) => name !== 'table';
      const options = { quantize, ...(quantize && { linear: linearWeights }) };
      const weights = await loadWeights(on, sourceOf(shapes), shapes, options);
      const w = await weights.q.read();
      const book = new WeightBook('test', weights, shapes);
      const ids = Tensor.from(on, [0, 99, 36, 35, 37, 71, 72], [7], { dtype: 'i32' });
      const x = embedding(book.get('table'), ids).reshape([-1]);
      const rows = add(Tensor.zeros(on, [3, 64]), x.reshape([7, 32]).rows(0, 2)!.reshape([1, 64]));
      const layers = [
        linear(rows, book.packed('q', 'k')),
        swiglu(rows, book.packedSwiglu('w1', 'w3')),
        linear(rows, Tensor.from(on, numbers(300 * 64), [300, 64], { dtype: quantize ?? 'f32' })),
      ];
      const values = await Promise.all([x, ...layers].map((tensor) => tensor.read()));
      book.dispose();
      return [w, ...values].map((list) => [...list]);
    };
    const { used } = device.memory();
    const got = await scopeAsync(device, () => work(device));
    expect(device.memory().used).toBe(used);
    const expected = await whole(work);
    for (const [i, values] of expected.entries()) {
      const error = Math.max(...values.map((value, k) => Math.abs(value - got[i]![k]!)));
      expect(error).toBeLessThan(2e-5);
    }
  });
});

test('weights of another type', async () => {
  const halves = Uint16Array.from({ length: 90 * 70 }, (_, i) => 0x3f80 + (i % 128)); // bf16 from 1 to 2
  const source: WeightSource = {
    names: () => ['w'],
    shape: () => [90, 70],
    dtype: () => 'BF16',
    read: async () => new Uint8Array(halves.buffer),
  };
  const { w } = await loadWeights(device, source, { w: [90, 70] });
  expect(await w.read()).toEqual(Float32Array.from(halves, (_, i) => 1 + (i % 128) / 128));
  w.dispose();
});

test('reductions and margins of a whole that lies in several buffers', async () => {
  const work = async (on: Device) => {
    const x = Tensor.from(on, numbers(3 * 40 * 31), [1, 3, 40, 31]);
    const axes = [[0, 1, 2, 3], [0], [1], [2, 3], [1, 2], [0, 1, 3]];
    const pads = [
      [0, 0],
      [1, 2],
      [0, 3],
      [2, 0],
    ] as const;
    const results = [
      ...axes.flatMap((each) =>
        [sum, mean, max].map((reduced) => reduced(x, { axes: each, keepDims: true })),
      ),
      pad(x, { pads, value: 7 }),
      pad(x, { pads, mode: 'replicate' }),
    ];
    x.write(numbers(x.size).fill(Number.NaN, 2000, 2001));
    results.push(max(x));
    const values = await Promise.all(results.map((tensor) => tensor.read()));
    return values.map((list, i) => ({ shape: results[i]!.shape, list: [...list] }));
  };
  const [got, expected] = [await scopeAsync(device, () => work(device)), await whole(work)];
  for (const [i, { shape, list }] of expected.entries()) {
    expect(got[i]!.shape).toEqual(shape);
    const error = Math.max(...list.map((value, k) => Math.abs(value - got[i]!.list[k]!)));
    if (i < expected.length - 1) expect(error).toBeLessThan(1e-4);
  }
  expect(got.at(-1)!.list).toEqual([Number.NaN]);
});

test('ops that take no parts say so, with what would help', () => {
  scope(device, () => {
    const x = Tensor.zeros(device, [1, 16, 16, 16]);
    const weight = Tensor.zeros(device, [16, 16, 1, 1]);
    const size = 'has 16384 bytes in 4 buffers; this adapter binds at most 4096';
    expect(() => conv2d(x, weight)).toThrow(new RegExp(`^conv.*: x, .*${size}.*give it less at once`));
    expect(() => groupNorm(x, { groups: 4 })).toThrow(new RegExp(`^groupNorm.*: x, .*${size}`));
  });
});
