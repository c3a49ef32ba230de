// Shapes in messages, axes counted from the end, and shapes that the movement ops make.
import { type DType, isQuantFormat } from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';

/** A shape as messages show it. */
export const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Count of elements. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** An axis from 0, where -1 is the last. */
export function axisOf(op: string, axis: number, { shape }: { readonly shape: readonly number[] }): number {
  const rank = shape.length;
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new Error(`${op}: axis ${axis} of ${show(shape)}: expected ${-rank} to ${rank - 1}`);
}

/** Several axes, each once, in order. */
export function axesOf(op: string, axes: readonly number[], x: Tensor): number[] {
  const from0 = axes.map((axis) => axisOf(op, axis, x));
  if (new Set(from0).size !== from0.length) {
    throw new Error(`${op}: axes [${axes.join(', ')}] of ${show(x.shape)} name one axis twice`);
  }
  return from0.sort((a, b) => a - b);
}

/** The type of an operand that is no quantised weight. */
export function unquantized(op: string, dtype: DType): DType {
  if (!isQuantFormat(dtype)) return dtype;
  throw new Error(`${op}: got a ${dtype} weight, which only pack, linear and swiglu take`);
}

/** The type of operands that may be of any type, but the same. */
export function anySameType(op: string, tensors: readonly Tensor[]): DType {
  const types = [...new Set(tensors.map((tensor) => tensor.dtype))];
  if (types.length === 1) return unquantized(op, types[0]!);
  throw new Error(`${op}: operands must have one type: got ${types.join(' and ')}; cast() converts`);
}
