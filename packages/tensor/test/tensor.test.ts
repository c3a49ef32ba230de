import { Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';
import { affine } from './kernels.ts';

const device = await testDevice();

describe('Tensor', () => {
  test('takes its type from the array and gives it back', async () => {
    const f = Tensor.from(device, new Float32Array([1.5, -2]));
    const i = Tensor.from(device, new Int32Array([-1, 2 ** 31 - 1]));
    const u = Tensor.from(device, new Uint32Array([1, 2 ** 32 - 1]));
    expect([f.dtype, i.dtype, u.dtype]).toEqual(['f32', 'i32', 'u32']);
    expect(await f.read()).toEqual(new Float32Array([1.5, -2]));
    expect(await i.read()).toEqual(new Int32Array([-1, 2 ** 31 - 1]));
    expect(await u.read()).toEqual(new Uint32Array([1, 2 ** 32 - 1]));
  });

  test('converts where a type is named', async () => {
    const u = Tensor.from(device, [3, 4], [2, 1], { dtype: 'u32' });
    expect(await u.read()).toEqual(new Uint32Array([3, 4]));
    expect(u.shape).toEqual([2, 1]);
  });

  test('holds halves where the adapter has them, and says so where not', async () => {
    const make = () => Tensor.from(device, [1 / 3, 70000, -0.5], [3], { dtype: 'f16', label: 'w' });
    if (!device.target.f16) return expect(make).toThrow('w: this adapter has no f16');
    const tensor = make();
    expect(tensor.bytes).toBe(6);
    expect(await tensor.read()).toEqual(new Float32Array([0.333251953125, Infinity, -0.5]));
  });

  test('is zero, full, or a scalar', async () => {
    const dirty = Tensor.full(device, [64], 7);
    dirty.dispose(); // its buffer is what zeros gets
    expect([...(await Tensor.zeros(device, [64]).read())]).toEqual(Array(64).fill(0));
    expect([...(await Tensor.full(device, [2, 2], -1, 'i32').read())]).toEqual([-1, -1, -1, -1]);
    expect(await Tensor.from(device, [5], []).item()).toBe(5);
    await expect(Tensor.zeros(device, [2]).item()).rejects.toThrow('item: [2] has 2 elements');
  });

  test('may have no elements', async () => {
    const empty = Tensor.zeros(device, [0, 3]);
    expect(await empty.read()).toEqual(new Float32Array());
    device.run(affine(0), [empty, Tensor.empty(device, [0])]);
    await device.sync();
  });

  test('checks counts and shapes', () => {
    expect(() => Tensor.from(device, [1, 2, 3], [2, 2])).toThrow('3 elements do not fill [2, 2] (4)');
    expect(() => Tensor.empty(device, [2, -1])).toThrow('tensor: [2, -1] is not a shape');
    expect(() => Tensor.empty(device, [1.5], 'f32', 'w')).toThrow('w: [1.5] is not a shape');
    expect(() => Tensor.zeros(device, [2]).write([1])).toThrow(
      'write: 1 elements do not fill tensor f32 [2] (2)',
    );
  });

  test('write comes after what was queued before, and before what is queued after', async () => {
    const x = Tensor.from(device, [1]);
    const first = Tensor.empty(device, [1]);
    const second = Tensor.empty(device, [1]);
    device.run(affine(1), [x, first]);
    x.write([10]);
    device.run(affine(1), [x, second]);
    expect([await first.item(), await second.item()]).toEqual([3, 21]);
  });

  test('a new tensor in a reused buffer does not disturb what is still queued', async () => {
    const x = Tensor.from(device, [4]);
    const y = Tensor.empty(device, [1]);
    device.run(affine(1), [x, y]);
    x.dispose();
    const z = Tensor.from(device, [100]); // the buffer of x, while its kernel is not yet submitted
    expect(await y.item()).toBe(9);
    expect(await z.item()).toBe(100);
  });
});

describe('views', () => {
  test('reshape shares the buffer', async () => {
    const x = Tensor.from(device, [1, 2, 3, 4, 5, 6], [2, 3]);
    const before = device.memory().used;
    const y = x.reshape([3, -1]);
    expect(y.shape).toEqual([3, 2]);
    expect(device.memory().used).toBe(before);
    x.write([6, 5, 4, 3, 2, 1]);
    expect([...(await y.read())]).toEqual([6, 5, 4, 3, 2, 1]);
    x.dispose(); // the view keeps the memory
    expect([...(await y.read())]).toEqual([6, 5, 4, 3, 2, 1]);
    y.dispose();
    expect(device.memory().used).toBeLessThan(before);
  });

  test('reshape checks', () => {
    const x = Tensor.zeros(device, [2, 3]);
    expect(() => x.reshape([4, -1])).toThrow('reshape: [2, 3] does not fit [4, -1]');
    expect(() => x.reshape([-1, -1])).toThrow('reshape: [2, 3] does not fit [-1, -1]');
    expect(() => x.reshape([7])).toThrow('reshape: [2, 3] does not fit [7]');
  });

  test('rows are a view where the offset can be bound', async () => {
    const x = Tensor.from(
      device,
      Float32Array.from({ length: 256 }, (_, i) => i),
      [4, 64],
    );
    const rows = x.rows(1, 3)!;
    expect(rows.shape).toEqual([2, 64]);
    const y = Tensor.empty(device, [128]);
    device.run(affine(128, 0), [rows, y]);
    expect((await y.read())[0]).toBe(128);
    expect((await rows.rows(1, 2)!.read())[0]).toBe(128);
    expect((await rows.reshape([128]).read())[0]).toBe(64);
    expect(Tensor.zeros(device, [4, 3]).rows(1, 2)).toBeUndefined();
    const halves = device.target.f16 ? Tensor.zeros(device, [4, 129], 'f16') : undefined;
    expect(halves?.rows(0, 1)).toBeUndefined(); // a write would spill into the next row
    expect(() => x.rows(3, 5)).toThrow('rows: 3 to 5 is not a range of axis 0 of [4, 64]');
  });
});

test('a disposed tensor says what it was', async () => {
  const x = Tensor.from(device, [1, 2], [2], { label: 'latents' });
  x.dispose();
  x.dispose();
  await expect(x.read()).rejects.toThrow('read: latents f32 [2] was released');
  expect(() => x.reshape([1, 2])).toThrow('reshape: latents f32 [2] was released');
  expect(() => device.run(affine(2), [x, Tensor.empty(device, [2])])).toThrow(
    'affine: latents f32 [2] was released',
  );
});

test('memory that threads share is taken as any other', async () => {
  const shared = new Float32Array(new SharedArrayBuffer(12));
  shared.set([1, 2, 3]);
  const tensor = Tensor.from(device, shared);
  expect(await tensor.read()).toEqual(Float32Array.of(1, 2, 3));
  shared.fill(7);
  tensor.writeBytes(new Uint8Array(shared.buffer) as Uint8Array<never>, 0);
  expect(await tensor.read()).toEqual(Float32Array.of(7, 7, 7));
  tensor.dispose();
});
