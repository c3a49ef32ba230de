// Weights on their way to the device: decoded there as the host would decode them, in a window that is used again and
// again, and never more bytes under way than the bound.
import { bytesToFloats, floatsToBytes, floatsToHalves, halvesToFloats } from '@moviegen/kernels';
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
import { PlainFilling } from '../src/weights/filling.ts';

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

/** What the host's conversion makes of the file. */
async function onHost(source: WeightSource, dtype: 'f32' | 'f16' = 'f32'): Promise<number[]> {
  const floats = bytesToFloats(await source.read('w'), source.dtype('w'));
  return [...(dtype === 'f16' ? halvesToFloats(floatsToHalves(floats)) : floats)];
}

const types = ['F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'F64'] as const;
const dtypes = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

describe.each(types)('%s', (type) => {
  test.each([
    ['pieces that fill no word', 3001, 333, 16 * MIB],
    ['a window that goes round', 3000, 1500, 1024],
  ])('%s: as the host converts them', async (_, count, pieceElements, uploadBytes) => {
    const source = fileOf(type, numbers(count), pieceElements);
    const { used } = device.memory();
    for (const dtype of dtypes) {
      if (type.toLowerCase() === dtype) continue;
      const host = await onHost(source, dtype);
      expect(host[1]).toBeCloseTo(Math.sin(1) / 8, 1);
      expect(await loaded(source, { dtype, uploadBytes })).toEqual(host);
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
    const host = await onHost(source);
    limits.maxStorageBufferBindingSize = 2300; // 512 elements and some
    expect(await loaded(source, { uploadBytes: 2048 })).toEqual(host);
  });
});

describe('a source that reads into its buffers again', () => {
  /** The file, read into two buffers in turn, of which one is overwritten while the other is used. */
  function reusing(dtype: string, values: Float32Array<ArrayBuffer>, failAt = Number.POSITIVE_INFINITY) {
    const bytes = floatsToBytes(values, dtype);
    const buffers = [new Uint8Array(1000), new Uint8Array(1000)] as const;
    const source: WeightSource = {
      ...fileOf(dtype, values, 1),
      async *pieces() {
        for (let at = 0; at < bytes.length; at += 1000) {
          if (at >= failAt) throw new Error('the disk is gone');
          const [now, next] = at % 2000 === 0 ? buffers : [buffers[1], buffers[0]];
          now.set(bytes.subarray(at, at + 1000));
          next.fill(255);
          yield { name: 'w', data: now.subarray(0, Math.min(1000, bytes.length - at)) };
        }
      },
    };
    return source;
  }

  test.each(['BF16', 'F64', 'F32'] as const)('%s, load after load', async (dtype) => {
    for (const failAt of [undefined, 3000, undefined]) {
      const result = loaded(reusing(dtype, numbers(2101), failAt), {});
      if (failAt) await expect(result).rejects.toThrow('the disk is gone');
      else expect(await result).toEqual(await onHost(fileOf(dtype, numbers(2101), 2101)));
    }
  });

  test('two loads at once have memory of their own', async () => {
    const both = [reusing('BF16', numbers(4000)), reusing('F16', numbers(4000).reverse())];
    const [first, second] = await Promise.all(both.map((source) => loaded(source, {})));
    expect(first).toEqual(await onHost(fileOf('BF16', numbers(4000), 4000)));
    expect(second).toEqual(await onHost(fileOf('F16', numbers(4000).reverse(), 4000)));
  });
});

test.each(['BOOL', 'U8', 'I8', 'U16', 'I16', 'U32', 'I32', 'U64', 'I64'] as const)(
  '%s, which no kernel decodes, in pieces that fill no word',
  async (type) => {
    const count = 301;
    const made = type === 'BOOL' ? 2 : 100;
    const size = type === 'BOOL' ? 1 : Number(type.slice(1)) / 8;
    const bytes = new Uint8Array(count * size);
    for (let i = 0; i < count; i++) bytes[i * size] = i % made;
    const source: WeightSource = {
      ...{ names: () => ['w'], shape: () => [count], dtype: () => type, read: async () => bytes },
      async *pieces() {
        for (let at = 0; at < bytes.length; at += 3 * size)
          yield { name: 'w', data: bytes.slice(at, at + 3 * size) };
      },
    };
    for (const dtype of dtypes)
      expect(await loaded(source, { dtype })).toEqual(Array.from({ length: count }, (_, i) => i % made));
  },
);

test('pieces that do not end at whole words, of a type that stays as it is', async () => {
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

test('pieces that end inside an element, too many and too few bytes are refused, and nothing stays in memory', async () => {
  const { used } = device.memory();
  const whole = fileOf('BF16', numbers(100), 50);
  const other = (bytes: Uint8Array): WeightSource => ({
    ...whole,
    async *pieces() {
      yield { name: 'w', data: bytes };
    },
  });
  await expect(loaded(other(new Uint8Array(7)), {})).rejects.toThrow(
    'weights: w: 7 bytes are not a whole number of BF16 elements',
  );
  const integers = { ...other(new Uint8Array(7)), dtype: () => 'I32' };
  await expect(loaded(integers, {})).rejects.toThrow(
    'weights: w: 7 bytes are not a whole number of I32 elements',
  );
  await expect(loaded(other(new Uint8Array(202)), {})).rejects.toThrow('w has more bytes than');
  await expect(loaded(other(new Uint8Array(20)), {})).rejects.toThrow(
    'weights: w ends after 40 of 400 bytes',
  );
  const controller = new AbortController();
  const { signal } = controller;
  const onProgress = () => controller.abort(new Error('enough'));
  await expect(loaded(whole, { signal, onProgress })).rejects.toThrow('enough');
  expect(device.memory().used).toBe(used);
});

test('the device decodes, a software adapter too', async () => {
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
    expect([...kernels]).toEqual(['decode BF16 to f32']);
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
  async function mostUnderWay(
    type: 'F32' | 'BF16' | 'F8_E5M2' | 'U8',
    options: WeightOptions,
  ): Promise<number> {
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
    const size = { F32: 4, BF16: 2, F8_E5M2: 1, U8: 1 }[type];
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
    ['F8_E5M2', {}, 16],
    ['U8', {}, 16], // the host converts it: a slice becomes four times as many bytes
  ] as const)('%s %o: %i MiB and one slice', async (type, options, mebibytes) => {
    const most = await mostUnderWay(type, options);
    expect(most / MIB).toBeLessThanOrEqual(mebibytes + (type === 'U8' ? 4 : 2) + 0.01); // kernels' uniforms too
    expect(most / MIB).toBeGreaterThan(mebibytes * 0.75); // something is left to copy meanwhile
  });
});
