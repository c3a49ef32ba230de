// Compares a tensor with the reference's. Which tensors are compared, and with which bound, is in parity.ts.

import type { Values } from './fixture.ts';

/** How far a tensor is from the reference's. */
export interface TensorDifference {
  readonly tensor: string;
  /** max|a - b| / max|b|. Infinite if shapes differ or a value is not finite. */
  readonly difference: number;
  /** The index of the largest |a - b|. */
  readonly index: readonly number[];
  readonly got: number;
  readonly expected: number;
  /** Set if the values could not be compared. */
  readonly problem?: string;
}

/** Compares values with the reference's. */
export function compareTensors(tensor: string, got: Values, expected: Values): TensorDifference {
  if (got.shape.join() !== expected.shape.join() || got.data.length !== expected.data.length)
    return failed(tensor, `its shape is [${got.shape.join(', ')}], expected [${expected.shape.join(', ')}]`);
  let [at, largest, scale] = [0, 0, 0];
  for (let i = 0; i < expected.data.length; i++) {
    const b = expected.data[i]!;
    const difference = Math.abs(got.data[i]! - b);
    if (!(difference <= largest)) {
      at = i;
      largest = difference;
      if (Number.isNaN(difference)) break;
    }
    scale = Math.max(scale, Math.abs(b));
  }
  const relative = Number.isNaN(largest) ? Number.POSITIVE_INFINITY : largest / (scale || 1);
  const values = { got: got.data[at] ?? 0, expected: expected.data[at] ?? 0 };
  return { tensor, difference: relative, index: unravel(at, expected.shape), ...values };
}

/** The difference of a tensor that cannot be compared. */
export const failed = (tensor: string, problem: string): TensorDifference => ({
  tensor,
  difference: Number.POSITIVE_INFINITY,
  index: [],
  got: Number.NaN,
  expected: Number.NaN,
  problem,
});

function unravel(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(position % size);
    position = Math.floor(position / size);
  }
  return index;
}
