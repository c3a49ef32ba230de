import { Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { describe, expect, test } from 'vitest';
import { fold } from '../src/gpu/fold.ts';
import { affine } from './kernels.ts';

describe('fold', () => {
  test('leaves a line that fits as it is', () => {
    expect(fold(1, 65535)).toEqual([1, 1, 1]);
    expect(fold(65535, 65535)).toEqual([65535, 1, 1]);
  });

  test('folds a longer one in two, then in three', () => {
    expect(fold(65536, 65535)).toEqual([32768, 2, 1]);
    expect(fold(10, 3)).toEqual([3, 2, 2]);
    expect(fold(27, 3)).toEqual([3, 3, 3]);
  });

  test('covers every count, within the limit, with little to spare', () => {
    for (let max = 1; max <= 9; max++) {
      for (let count = 1; count <= max ** 3; count++) {
        const [x, y, z] = fold(count, max);
        expect(Math.max(x, y, z)).toBeLessThanOrEqual(max);
        expect(x * y * z).toBeGreaterThanOrEqual(count);
        expect(x * y * z - count).toBeLessThan(y * z);
      }
    }
  });

  test('says so where a count does not fit', () => {
    expect(() => fold(28, 3)).toThrow('internal: 28 workgroups do not fit 3 per dimension');
  });
});

test.each([
  ['one dimension', 3],
  ['two', 60],
  ['three', 340],
])('a dispatch folded in %s reaches every element', async (_, count) => {
  const device = await openDevice({ maxWorkgroups: 7 });
  const x = Tensor.from(
    device,
    Array.from({ length: count }, (_, i) => i),
  );
  const y = Tensor.zeros(device, [count + 1]); // one more, which no workgroup may touch
  device.run(affine(count), [x, y]);
  const expected = Array.from({ length: count }, (_, i) => 2 * i + 1);
  expect([...(await y.read())]).toEqual([...expected, 0]);
  device.destroy();
});
