import { floatToHalf } from '@moviegen/kernels';
import {
  loadWeights,
  scopeAsync,
  type Tensor,
  type WeightProgress,
  type WeightSource,
  WeightsError,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const device = await testDevice();

type Entry = { shape: number[]; dtype: string; bytes: Uint8Array };
const f32 = (shape: number[], values: number[]): Entry => ({
  shape,
  dtype: 'F32',
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

function sourceOf(entries: Record<string, Entry>): WeightSource & { reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    names: () => Object.keys(entries),
    shape: (name) => entries[name]!.shape,
    dtype: (name) => entries[name]!.dtype,
    read: async (name) => {
      reads.push(name);
      return entries[name]!.bytes;
    },
  };
}

test('loads every type of file as the type asked for', async () => {
  const halves = new Uint8Array(Uint16Array.from([1.5, -2, 0.25].map(floatToHalf)).buffer);
  const source = sourceOf({
    a: f32([2, 2], [1, 2, 3, 4]),
    b: { shape: [3], dtype: 'F16', bytes: halves },
    c: { shape: [2], dtype: 'BF16', bytes: new Uint8Array([0x80, 0x3f, 0x20, 0xc0]) },
    d: { shape: [1], dtype: 'F64', bytes: new Uint8Array(new Float64Array([0.5]).buffer) },
    e: { shape: [2], dtype: 'F8_E4M3', bytes: new Uint8Array([0x38, 0xb8]) },
    f: { shape: [], dtype: 'I64', bytes: new Uint8Array(new BigInt64Array([7n]).buffer) },
  });
  const spec = { a: [2, 2], b: [3], c: [2], d: [1], e: [2], f: [] };
  const values = { a: [1, 2, 3, 4], b: [1.5, -2, 0.25], c: [1, -2.5], d: [0.5], e: [1, -1], f: [7] };
  for (const dtype of device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const)) {
    const weights = await loadWeights(device, source, spec, { dtype });
    for (const [name, tensor] of Object.entries(weights)) {
      expect([tensor.dtype, tensor.label]).toEqual([dtype, name]);
      expect([...(await tensor.read())]).toEqual(values[name as keyof typeof values]);
      tensor.dispose();
    }
  }
});

test('streams pieces where the source has them', async () => {
  const whole = f32([5], [1, 2, 3, 4, 5]);
  const source: WeightSource = {
    ...sourceOf({ w: whole, none: f32([0, 3], []) }),
    async *pieces() {
      const piece = new Uint8Array(8); // used again for every piece
      for (const [from, to] of [
        [0, 8],
        [8, 16],
        [16, 20],
      ] as const) {
        piece.set(whole.bytes.subarray(from, to));
        yield { name: 'w', data: piece.subarray(0, to - from) };
        piece.fill(255);
      }
    },
  };
  const { w, none } = await loadWeights(device, source, { none: [0, 3], w: [5] });
  expect([...(await w.read())]).toEqual([1, 2, 3, 4, 5]);
  expect(none.shape).toEqual([0, 3]);
  for (const tensor of [w, none]) tensor.dispose();
});

test('lists all that does not fit in one error, before it reads anything', async () => {
  const source = sourceOf({
    'm.good': f32([1], [1]),
    'm.shape': f32([2, 3], [0, 0, 0, 0, 0, 0]),
    'm.rank': f32([1, 1], [0]),
    'm.extra': f32([4], [0, 0, 0, 0]),
    'm.type': { shape: [1], dtype: 'F4', bytes: new Uint8Array(1) },
    unrelated: f32([1], [1]),
  });
  const spec = { good: [1], shape: [3, 2], rank: [1], type: [1], gone: [8, 2], __proto__x: [1], bias: [1] };
  const { used } = device.memory();
  const load = loadWeights(device, source, spec, { prefix: 'm.', optional: ['bias'] });
  const error = await load.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WeightsError);
  expect(
    (error as Error).message,
  ).toBe(`weights: 2 missing, 1 extra, 2 misshapen, 1 of a type that cannot be read
  missing:
    gone [8, 2]
    __proto__x [1]
  extra:
    extra [4]
  misshapen:
    shape [2, 3], expected [3, 2]
    rank [1, 1], expected [1]
  of a type that cannot be read:
    type F4`);
  expect(source.reads).toEqual([]);
  expect(device.memory().used).toBe(used);
});

test('lets optional tensors be missing and ignored ones be extra', async () => {
  const source = sourceOf({ a: f32([1], [1]), position_ids: f32([1], [0]) });
  const weights = await loadWeights(
    device,
    source,
    { a: [1], b: [2] },
    {
      optional: ['b'],
      ignore: (name) => name === 'position_ids',
    },
  );
  expect(Object.keys(weights)).toEqual(['a']);
  weights.a.dispose();
});

test('tells its progress', async () => {
  const seen: WeightProgress[] = [];
  const source = sourceOf({ a: f32([2], [1, 2]), b: f32([1], [1]) });
  const weights = await loadWeights(
    device,
    source,
    { b: [1], a: [2] },
    { onProgress: (step) => void seen.push(step) },
  );
  expect(seen).toMatchObject([
    { name: 'a', bytes: 8, totalBytes: 12 },
    { name: 'b', bytes: 12, totalBytes: 12 },
  ]);
  for (const { bytesPerSecond } of seen) expect(bytesPerSecond).toBeGreaterThan(0);
  for (const tensor of Object.values(weights)) tensor.dispose();
});

test('an adapter that cannot hold the type is said before anything is read', async () => {
  if (device.target.f16) return expect(device.features.has('shader-f16')).toBe(true);
  const source = sourceOf({ a: f32([1], [1]) });
  const loading = loadWeights(device, source, { a: [1] }, { dtype: 'f16' });
  await expect(loading).rejects.toThrow(/^weights: this adapter has no f16 \(.+\): use f32$/);
  await expect(loading).rejects.toBeInstanceOf(WeightsError);
  expect(source.reads).toEqual([]);
});

test('tensors belong to the caller, whatever scope is open', async () => {
  const source = sourceOf({ a: f32([1], [1]) });
  let a: Tensor | undefined;
  await scopeAsync(device, async () => {
    ({ a } = await loadWeights(device, source, { a: [1] }));
  });
  expect([...(await a!.read())]).toEqual([1]);
  a!.dispose();
});

test('stops at an abort, a failing or a short source, and gives the memory back', async () => {
  const { used } = device.memory();
  const entries = { a: f32([2], [1, 2]), b: f32([1], [1]) };
  const spec = { a: [2], b: [1] };
  const controller = new AbortController();
  const onProgress = (): void => controller.abort(new Error('enough'));
  const source = sourceOf(entries);
  const aborted = loadWeights(device, source, spec, { signal: controller.signal, onProgress });
  await expect(aborted).rejects.toThrow('enough');
  expect(source.reads).toEqual(['a']);
  const between = new AbortController();
  const pieces: WeightSource = {
    ...sourceOf(entries),
    async *pieces() {
      yield { name: 'a', data: entries.a.bytes.subarray(0, 4) };
      between.abort(new Error('halfway'));
      yield { name: 'a', data: entries.a.bytes.subarray(4) };
    },
  };
  await expect(loadWeights(device, pieces, spec, { signal: between.signal })).rejects.toThrow('halfway');
  const failing = { ...sourceOf(entries), read: () => Promise.reject(new Error('disk')) };
  await expect(loadWeights(device, failing, spec)).rejects.toThrow('disk');
  const short = sourceOf({ ...entries, b: { ...entries.b, bytes: new Uint8Array() } });
  await expect(loadWeights(device, short, spec)).rejects.toThrow('weights: b ends after 0 of 4 bytes');
  const long = sourceOf({ ...entries, b: { ...entries.b, bytes: new Uint8Array(8) } });
  await expect(loadWeights(device, long, spec)).rejects.toThrow(
    'weights: b has more bytes than its shape says',
  );
  expect(device.memory().used).toBe(used);
});
