// More room along the axes of a tensor, filled with one value or with copies of the edge.

import { type PadMode, padKernel, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { bindable, copyInParts, wholeWalk } from './large/parts.ts';
import { expectNumber, unquantized } from './operands.ts';

/** Options of {@link pad}. */
export interface PadOptions {
  /** [before, after] of each axis. */
  readonly pads: readonly (readonly [number, number])[];
  /** `constant` (the default), or `replicate`: the nearest element. */
  readonly mode?: PadMode | undefined;
  /** The value that `constant` fills in. Default 0. */
  readonly value?: number | undefined;
}

/**
 * x with more elements before and after along its axes.
 * @throws where pads are negative or not one pair per axis, the value does not fit x's type, or there is nothing to replicate.
 */
export function pad(x: Tensor, { pads, mode = 'constant', value = 0 }: PadOptions): Tensor {
  if (pads.length !== x.rank || pads.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    const got = `[${pads.map(show).join(', ')}]`;
    throw new Error(`pad: pads must be [before, after] from 0 for each axis of ${show(x.shape)}: got ${got}`);
  }
  expectNumber('pad', 'value', value, x.dtype);
  const shape = x.shape.map((n, axis) => n + pads[axis]![0] + pads[axis]![1]);
  if (x.size === 0 && shape.every((n) => n > 0)) {
    if (mode === 'replicate') throw new Error(`pad: ${show(x.shape)} has no element to replicate`);
    return Tensor.full(x.device, shape, value, x.dtype);
  }
  const dtype = unquantized('pad', x.dtype);
  const out = Tensor.empty(x.device, shape, dtype);
  if (out.size === 0) return out;
  if (bindable(x, out)) x.device.run(padKernel(x.shape, pads, mode, value, dtype), [x, out]);
  else if (mode === 'replicate') copyRegions(x, out, pads);
  else {
    out.dispose();
    const filled =
      value === 0 ? Tensor.zeros(x.device, shape, dtype) : Tensor.full(x.device, shape, value, dtype);
    const { strides } = wholeWalk(filled);
    const start = pads.reduce((at, [before], axis) => at + before * strides[axis]!, 0);
    if (x.size > 0) copyInParts('pad', x.shape, x, wholeWalk(x), filled, { start, strides });
    return filled;
  }
  return out;
}

/** Copies x into the middle of `out` and its outermost elements into the padding: three ranges along each axis. */
function copyRegions(x: Tensor, out: Tensor, pads: PadOptions['pads']): void {
  const [from, to] = [wholeWalk(x).strides, wholeWalk(out).strides];
  const copy = (axis: number, shape: number[], read: number[], readAt: number, writeAt: number): void => {
    if (axis === x.rank) {
      copyInParts('pad', shape, x, { start: readAt, strides: read }, out, { start: writeAt, strides: to });
      return;
    }
    const [n, [before, after]] = [x.shape[axis]!, pads[axis]!];
    const ranges = [
      { length: before, first: 0, stride: 0, at: 0 },
      { length: n, first: 0, stride: from[axis]!, at: before },
      { length: after, first: n - 1, stride: 0, at: before + n },
    ];
    for (const { length, first, stride, at } of ranges)
      if (length > 0) {
        const [reads, writes] = [readAt + first * from[axis]!, writeAt + at * to[axis]!];
        copy(axis + 1, [...shape, length], [...read, stride], reads, writes);
      }
  };
  copy(0, [], [], 0, 0);
}
