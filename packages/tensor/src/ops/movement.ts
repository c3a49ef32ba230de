// Ops that move elements without computing: slice, concat, permute, nearest upsampling. They take every type but quantised ones.

import {
  concatKernel,
  permuteKernel,
  show,
  sliceKernel,
  stridesOf,
  upsampleNearestKernel,
} from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { bindable, copyInParts, wholeWalk } from './large/parts.ts';
import { anySameType, axesOf, axisOf, unquantized } from './operands.ts';

/**
 * Bounds of {@link slice}, one per axis, as in Python: negative ones count from the end, those past an end are moved to
 * it, and an end before its start gives an axis of 0. Axes left out at the end are taken whole.
 */
export interface SliceOptions {
  /** First index. */
  readonly start: readonly number[];
  /** Index after the last. */
  readonly end: readonly number[];
}

/**
 * x[start : end], axis by axis.
 * @throws where bounds are not whole numbers, or more than there are axes.
 */
export function slice(x: Tensor, { start, end }: SliceOptions): Tensor {
  if (![...start, ...end].every(Number.isInteger) || Math.max(start.length, end.length) > x.rank) {
    const wanted = `whole numbers, at most one per axis of ${show(x.shape)}`;
    throw new Error(`slice: bounds must be ${wanted}: got ${show(start)} to ${show(end)}`);
  }
  const inside = (bound: number, n: number) => Math.min(Math.max(bound < 0 ? bound + n : bound, 0), n);
  const first = x.shape.map((n, axis) => inside(start[axis] ?? 0, n));
  const after = x.shape.map((n, axis) => Math.max(first[axis]!, inside(end[axis] ?? n, n)));
  const shape = x.shape.map((_, axis) => after[axis]! - first[axis]!);
  const dtype = unquantized('slice', x.dtype);
  const out = Tensor.empty(x.device, shape, dtype);
  if (out.size === 0) return out;
  if (bindable(x, out)) x.device.run(sliceKernel(x.shape, first, after, dtype), [x, out]);
  else {
    const { strides } = wholeWalk(x);
    const start = first.reduce((at, n, axis) => at + n * strides[axis]!, 0);
    copyInParts('slice', shape, x, { start, strides }, out, wholeWalk(out));
  }
  return out;
}

/**
 * The tensors one after the other along an axis; all other axes must be equal.
 * @throws where shapes or types do not fit.
 */
export function concat(tensors: readonly Tensor[], { axis }: { readonly axis: number }): Tensor {
  const [first] = tensors;
  if (!first) throw new Error('concat: no tensors');
  const dtype = anySameType('concat', tensors);
  const along = axisOf('concat', axis, first);
  const fits = tensors.every(
    ({ shape }) => shape.length === first.rank && shape.every((n, k) => k === along || n === first.shape[k]),
  );
  if (!fits) {
    const got = tensors.map(({ shape }) => show(shape)).join(', ');
    throw new Error(`concat: shapes must be equal except for axis ${along}: got ${got}`);
  }
  const length = tensors.reduce((total, { shape }) => total + shape[along]!, 0);
  const out = Tensor.empty(
    first.device,
    first.shape.map((n, k) => (k === along ? length : n)),
    dtype,
  );
  let at = 0;
  for (const tensor of tensors) {
    if (tensor.size > 0) {
      const { strides } = wholeWalk(out);
      if (bindable(tensor, out))
        first.device.run(concatKernel(tensor.shape, out.shape, along, at, dtype), [tensor, out]);
      else
        copyInParts('concat', tensor.shape, tensor, wholeWalk(tensor), out, {
          start: at * strides[along]!,
          strides,
        });
    }
    at += tensor.shape[along]!;
  }
  return out;
}

/**
 * The axes in another order: axis k of the result is axis `axes[k]` of x.
 * @throws where `axes` does not name every axis once.
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => axisOf('permute', axis, x));
  if (axesOf('permute', axes, x).length !== x.rank) {
    throw new Error(`permute: axes ${show(axes)} must name every axis of ${show(x.shape)} once`);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  const dtype = unquantized('permute', x.dtype);
  const out = Tensor.empty(x.device, shape, dtype);
  if (out.size === 0) return out;
  if (bindable(x, out)) x.device.run(permuteKernel(x.shape, order, dtype), [x, out]);
  else {
    const { strides } = wholeWalk(x);
    const from = { start: 0, strides: order.map((axis) => strides[axis]!) };
    copyInParts('permute', shape, x, from, out, wholeWalk(out));
  }
  return out;
}

/** Options of {@link upsampleNearest}. */
export interface UpsampleOptions {
  /** Whole factors, one for each axis that is neither batch nor channels: [t, h, w], [h, w] or [w]. */
  readonly scale: readonly number[];
  /** [B, ..., C], or [B, C, ...] (the default, PyTorch's). */
  readonly layout?: 'channels-first' | 'channels-last' | undefined;
}

/**
 * Repeats every position along its axes. The convolutions can do this inside their kernel (`upsample`).
 * @throws where the factors do not fit the shape.
 */
export function upsampleNearest(x: Tensor, { scale, layout = 'channels-first' }: UpsampleOptions): Tensor {
  if (scale.length !== x.rank - 2 || scale.some((s) => !Number.isInteger(s) || s < 1)) {
    throw new Error(
      `upsampleNearest: scale ${show(scale)} must be ${x.rank - 2} whole numbers of at least 1, for the positions of ${show(x.shape)} ${layout}`,
    );
  }
  const factors = layout === 'channels-last' ? [1, ...scale, 1] : [1, 1, ...scale];
  const shape = x.shape.map((n, axis) => n * factors[axis]!);
  const dtype = unquantized('upsampleNearest', x.dtype);
  const out = Tensor.empty(x.device, shape, dtype);
  if (out.size === 0) return out;
  if (bindable(x, out)) x.device.run(upsampleNearestKernel(x.shape, factors, dtype), [x, out]);
  else {
    // Each axis of length n becomes two, [n, factor]; the second repeats the same element.
    const both = x.shape.flatMap((n, axis) => [n, factors[axis]!]);
    const strides = wholeWalk(x).strides.flatMap((stride) => [stride, 0]);
    const to = { start: 0, strides: stridesOf(both) };
    copyInParts('upsampleNearest', both, x, { start: 0, strides }, out, to);
  }
  return out;
}
