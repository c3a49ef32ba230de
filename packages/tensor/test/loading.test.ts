// Weights on their way to the device: the same wherever they are decoded, in windows that go round, and never more of
// them under way than the bound.
import { floatsToBytes } from '@moviegen/kernels';
import {
  decodingBytes,
  dryDevice,
  loadWeights,
  Tensor,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterEach, describe, expect, test } from 'vitest';
import { PlainFilling } from '../src/filling.ts';

const device = await testDevice();
const MIB = 2 ** 20;
const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i) / 8);

/** A file with one tensor w, that comes in pieces of so many elements. */
function fileOf(dtype: string, values: Float32Array<ArrayBuffer>, pieceElements: number): WeightSource {
  const bytes = floatsToBytes(values, dtype);
  const size = bytes.length / values.length;
  return {
    names: () => ['w'],
    shape: () => [values.length],
    dtype: () => dtype,
    read: async () => bytes,
    async *pieces() {
      const step = pieceElements * size;
      for (let at = 0; at < bytes.length; at += step) yield { name: 'w', data: bytes.slice(at, at + step) };
    },
  };
}

async function loaded(source: WeightSource, options: WeightOptions): Promise<number[]> {
  const { w } = await loadWeights(device, source, { w: source.shape('w') }, options);
  const values = [...(await w!.read())];
  w!.dispose();
  return values;
}

const types = ['F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'F64'] as const;
const dtypes = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

describe.each(types)('%s', (type) => {
  test.each([
    ['pieces that fill no word', 3001, 333, 16 * MIB],
    ['a window that goes round', 3000, 1500, 1024],
  ])('%s: device and host alike', async (_, count, pieceElements, uploadBytes) => {
    const source = fileOf(type, numbers(count), pieceElements);
    const { used } = device.memory();
    for (const dtype of dtypes) {
      if (type.toLowerCase() === dtype) continue;
      const host = await loaded(source, { dtype, decodeOn: 'host', uploadBytes });
      expect(host[1]).toBeCloseTo(Math.sin(1) / 8, 1);
      expect(await loaded(source, { dtype, decodeOn: 'device', uploadBytes })).toEqual(host);
    }
    expect(device.memory().used).toBe(used);
  });
});

describe('bindings that are smaller than the tensor', () => {
  const limits = device.limits as { maxStorageBufferBindingSize: number };
  const adapters = limits.maxStorageBufferBindingSize;
  afterEach(() => {
    limits.maxStorageBufferBindingSize = adapters;
  });

  test('it is decoded in ranges', async () => {
    const source = fileOf('BF16', numbers(3000), 700);
    const host = await loaded(source, { decodeOn: 'host' });
    limits.maxStorageBufferBindingSize = 2300; // 512 elements and some
    expect(await loaded(source, { decodeOn: 'device', uploadBytes: 2048 })).toEqual(host);
  });
});

describe('what the host decodes is read into its decoder', () => {
  /** The file, read into two buffers in turn, of which one is overwritten while the other is used. */
  function readInto(dtype: string, values: Float32Array<ArrayBuffer>, failAt = Number.POSITIVE_INFINITY) {
    const bytes = floatsToBytes(values, dtype);
    const made: Uint8Array<ArrayBuffer>[] = [];
    const source: WeightSource = {
      ...fileOf(dtype, values, 1),
      async *pieces(_, { allocate } = {}) {
        if (!allocate) throw new Error('no memory was offered');
        made.push(allocate(3 * MIB), allocate(3 * MIB)); // two loads' would not fit
        for (let at = 0; at < bytes.length; at += 1000) {
          if (at >= failAt) throw new Error('the disk is gone');
          const [now, next] = at % 2000 === 0 ? [made[0]!, made[1]!] : [made[1]!, made[0]!];
          now.set(bytes.subarray(at, at + 1000));
          next.fill(255, 0, 1000);
          yield { name: 'w', data: now.subarray(0, Math.min(1000, bytes.length - at)) };
        }
      },
    };
    return { source, made };
  }

  test.each(['BF16', 'F64', 'F32'] as const)('%s, load after load', async (dtype) => {
    for (const failAt of [undefined, 3000, undefined]) {
      const { source, made } = readInto(dtype, numbers(2101), failAt);
      const result = loaded(source, { decodeOn: 'host' });
      if (failAt) await expect(result).rejects.toThrow('the disk is gone');
      else
        expect(await result).toEqual(await loaded(fileOf(dtype, numbers(2101), 2101), { decodeOn: 'host' }));
      expect(made[0]!.buffer === made[1]!.buffer).toBe(dtype !== 'F32'); // the decoder's
    }
  });

  test('two loads at once have memory of their own', async () => {
    const [one, two] = [readInto('BF16', numbers(4000)), readInto('F16', numbers(4000).reverse())];
    const both = [one, two].map(({ source }) => loaded(source, { decodeOn: 'host' }));
    const [first, second] = await Promise.all(both);
    expect(first).toEqual(await loaded(fileOf('BF16', numbers(4000), 4000), { decodeOn: 'device' }));
    expect(second).toEqual(
      await loaded(fileOf('F16', numbers(4000).reverse(), 4000), { decodeOn: 'device' }),
    );
    expect(one.made[0]!.buffer).not.toBe(two.made[0]!.buffer);
  });
});

test('pieces that are no whole words of what stays as it is', async () => {
  const values = numbers(301);
  const [plain, words] = [fileOf('F16', values, 3), fileOf('F16', values, 301)];
  if (device.target.f16) {
    const expected = await loaded(words, { dtype: 'f16' });
    for (const elements of [1, 3, 7])
      expect(await loaded(fileOf('F16', values, elements), { dtype: 'f16' })).toEqual(expected);
    return;
  }
  const dry = await dryDevice(); // a GPU with f16
  const tensor = Tensor.empty(dry, [301], 'f16');
  const content = new Uint8Array(602);
  const writes: number[] = [];
  tensor.writeBytes = (bytes: Uint8Array, at: number) => {
    writes.push(at, at + bytes.length === 602 ? 0 : bytes.length);
    content.set(bytes, at);
  };
  const filling = new PlainFilling(tensor);
  for await (const { data } of plain.pieces!(['w'])) filling.write(data as Uint8Array<ArrayBuffer>);
  filling.finish();
  expect(writes.filter((n) => n % 4 !== 0)).toEqual([]);
  expect(content).toEqual(await words.read('w'));
});

test('pieces that are no whole elements, too many and too few are refused, and nothing stays', async () => {
  const { used } = device.memory();
  const whole = fileOf('BF16', numbers(100), 50);
  const other = (bytes: Uint8Array): WeightSource => ({
    ...whole,
    async *pieces() {
      yield { name: 'w', data: bytes };
    },
  });
  for (const decodeOn of ['device', 'host'] as const) {
    await expect(loaded(other(new Uint8Array(7)), { decodeOn })).rejects.toThrow(
      'weights: w: 7 bytes are no whole BF16s',
    );
    await expect(loaded(other(new Uint8Array(202)), { decodeOn })).rejects.toThrow('w has more bytes than');
    await expect(loaded(other(new Uint8Array(20)), { decodeOn })).rejects.toThrow(
      'weights: w ends after 40 of 400 bytes',
    );
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => controller.abort(new Error('enough'));
    await expect(loaded(whole, { decodeOn, signal, onProgress })).rejects.toThrow('enough');
  }
  expect(device.memory().used).toBe(used);
});

test('the device decodes, unless it is made of the host’s cores', async () => {
  for (const software of [false, true]) {
    const kernels = new Set<string>();
    const info = { ...device.info, architecture: 'swiftshader', software };
    const like = new Proxy(device, {
      get: (real, key) => (key === 'info' ? info : Reflect.get(real, key, real)),
    });
    const dry = await dryDevice({
      ...(software && { like }),
      onDispatch: ({ label }) => kernels.add(label),
    });
    expect(dry.target.software).toBe(software);
    const source = fileOf('BF16', numbers(64), 64);
    await loadWeights(dry, source, { w: [64] });
    expect([...kernels]).toEqual(software ? [] : ['decode BF16 to f32']);
    dry.destroy();
  }
});

test('bytes that decoding takes on the device are told beforehand', async () => {
  const source: WeightSource = {
    names: () => ['w'],
    shape: () => [5 * MIB],
    dtype: () => 'BF16',
    read: async () => new Uint8Array(10 * MIB),
  };
  expect(decodingBytes(source, ['w'], {})).toBe(8 * MIB);
  expect(decodingBytes(source, ['w'], { decodeOn: 'host' })).toBe(0);
  expect(decodingBytes(fileOf('F32', numbers(8), 8), ['w'], {})).toBe(0);
  const dry = await dryDevice();
  const before = dry.memory().used;
  dry.resetPeak();
  await loadWeights(dry, source, { w: [5 * MIB] });
  expect(dry.memory().peakUsed - before).toBe((20 + 8) * MIB);
  expect(dry.memory().used - before).toBe(20 * MIB);
  dry.destroy();
});

describe('bytes under way', () => {
  /** The most that a device which copies slowly is handed before it has copied them. */
  async function mostUnderWay(type: 'F32' | 'BF16' | 'F8_E5M2', options: WeightOptions): Promise<number> {
    const dry = await dryDevice();
    let [written, copied, most] = [0, 0, 0];
    const queue = dry.gpu.queue as {
      writeBuffer: (buffer: GPUBuffer, at: number, data: Uint8Array, from: number, bytes: number) => void;
      onSubmittedWorkDone: () => Promise<undefined>;
    };
    queue.writeBuffer = (_buffer, _at, _data, _from, bytes) => {
      written += bytes;
      most = Math.max(most, written - copied);
    };
    queue.onSubmittedWorkDone = async () => {
      const until = written;
      await new Promise((resolve) => setTimeout(resolve, 2));
      copied = Math.max(copied, until);
      return undefined;
    };
    const size = { F32: 4, BF16: 2, F8_E5M2: 1 }[type];
    const piece = new Uint8Array(2 * MIB);
    const source: WeightSource = {
      names: () => ['w'],
      shape: () => [(24 * piece.length) / size],
      dtype: () => type,
      read: () => Promise.reject(new Error('read as a whole')),
      async *pieces() {
        for (let i = 0; i < 24; i++) yield { name: 'w', data: piece };
      },
    };
    await loadWeights(dry, source, { w: source.shape('w') }, options);
    expect(copied).toBe(written);
    dry.destroy();
    return most;
  }

  test.each([
    ['F32', {}, 16],
    ['F32', { uploadBytes: 4 * MIB }, 4],
    ['BF16', {}, 16],
    ['BF16', { decodeOn: 'host' }, 16],
    ['F8_E5M2', { decodeOn: 'host' }, 16],
  ] as const)('%s %o: %i MiB and one slice', async (type, options, mebibytes) => {
    const most = await mostUnderWay(type, options);
    expect(most / MIB).toBeLessThanOrEqual(mebibytes + (type === 'F8_E5M2' ? 4 : 2) + 0.01); // kernels' uniforms too
    expect(most / MIB).toBeGreaterThan(mebibytes * 0.75); // something is left to copy meanwhile
  });
});
