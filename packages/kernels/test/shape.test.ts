import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generate } from '../src/reference/ndarray.ts';
import { broadcastShape, broadcastStrides, collapse, stridesOf } from '../src/shape.ts';

/** Offsets that a walk of `shape` with `strides` visits, in order. */
function visits(shape: readonly number[], strides: readonly number[]): number[] {
  const offsets = generate(shape, 'i32', (index) =>
    index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0),
  );
  return [...offsets.data];
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 });

describe('collapse', () => {
  test('visits the same offsets in the same order, for every operand', () => {
    fc.assert(
      fc.property(shapes, fc.infiniteStream(fc.boolean()), fc.nat(), (shape, flags, turn) => {
        const own = stridesOf(shape);
        const repeated = own.map((stride) => (flags.next().value ? 0 : stride));
        const rotated = own.map((_, axis) => own[(axis + turn) % own.length]!);
        const before = [own, repeated, rotated];
        const after = collapse(shape, before);
        expect(after.strides.map((strides) => visits(after.shape, strides))).toEqual(
          before.map((strides) => visits(shape, strides)),
        );
      }),
    );
  });

  test('contiguous walks become one axis, axes of size 1 disappear', () => {
    const shape = [2, 1, 3, 4];
    expect(collapse(shape, [stridesOf(shape), stridesOf(shape)])).toEqual({
      shape: [24],
      strides: [[1], [1]],
    });
    expect(collapse([1, 1], [[7, 7]])).toEqual({ shape: [1], strides: [[0]] });
    expect(collapse([2, 3, 4], [stridesOf([2, 3, 4]), [4, 0, 1]]).shape).toEqual([2, 3, 4]);
  });
});

describe('broadcasting', () => {
  test.each([
    [
      [[2, 3], [3]],
      [2, 3],
    ],
    [
      [[7], [3, 1]],
      [3, 7],
    ],
    [[[], [2]], [2]],
    [
      [[0, 4], [1]],
      [0, 4],
    ],
    [[[2, 3], [2]], undefined],
    [[[0], [2]], undefined],
  ])('%j -> %j', (from, to) => {
    expect(broadcastShape(...from)).toEqual(to);
  });

  test('an axis that is missing or has size 1 gets stride 0', () => {
    expect(broadcastStrides([3, 1, 4], [2, 3, 5, 4])).toEqual([0, 4, 0, 1]);
  });
});
