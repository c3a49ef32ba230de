// Checks of operands that the ops share: types, shapes and axes.
import { type DType, isQuantFormat, show } from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';

/** The one type, f32 or f16, of all operands that are given. @throws where types differ or are others. */
export function sameType(op: string, operands: Readonly<Record<string, Tensor | undefined>>): DType {
  const given = Object.entries(operands).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const [first] = given;
  if (!first) throw new Error(`internal: ${op} without operands`);
  const dtype = first[1].dtype;
  if ((dtype === 'f32' || dtype === 'f16') && given.every(([, tensor]) => tensor.dtype === dtype))
    return dtype;
  const came = given.map(([name, tensor]) => `${name} ${tensor.dtype}`).join(', ');
  throw new Error(`${op}: operands must all be f32 or all f16: got ${came}; cast() converts`);
}

/** f32 where some operands are f32 and some f16, as in PyTorch; else the one type of all, which may be i32 or u32. */
export function promotedType(op: string, operands: Readonly<Record<string, Tensor>>): DType {
  const types = new Set(Object.values(operands).map(({ dtype }) => dtype));
  const [first] = types;
  if (types.size === 1 && (first === 'i32' || first === 'u32')) return first;
  return types.size === 2 && types.has('f32') && types.has('f16') ? 'f32' : sameType(op, operands);
}

/** The least and the greatest value of each integer type. */
export const INTEGERS = { u32: [0, 2 ** 32 - 1], i32: [-(2 ** 31), 2 ** 31 - 1] } as const;

/** Checks that an integer type can hold a number; float types hold every number. */
export function expectNumber(op: string, name: string, value: number, dtype: DType): void {
  if (dtype !== 'u32' && dtype !== 'i32') return;
  const [least, greatest] = INTEGERS[dtype];
  if (!(Number.isInteger(value) && least <= value && value <= greatest))
    throw new Error(`${op}: ${name} ${value} does not fit ${dtype}`);
}

/** The type of the operand that may be f32 where the others are f16: the stream to which a model's layers add. */
export function streamType(op: string, name: string, tensor: Tensor | undefined, dtype: DType): DType {
  if (!tensor || tensor.dtype === dtype || tensor.dtype === 'f32') return tensor?.dtype ?? dtype;
  throw new Error(
    `${op}: ${name} must be ${dtype}, as the others are, or f32: got ${tensor.dtype}; cast() converts`,
  );
}

/** A packed weight for {@link sameType}: undefined where it is quantised, because quantised weights go with both types. */
export const plainWeight = ({ tensor }: { readonly tensor: Tensor }): Tensor | undefined =>
  isQuantFormat(tensor.dtype) ? undefined : tensor;

/** Checks the shape of an operand that may be absent. */
export function expectShape(
  op: string,
  name: string,
  tensor: Tensor | undefined,
  shape: readonly number[],
): void {
  if (!tensor || (tensor.rank === shape.length && shape.every((n, i) => tensor.shape[i] === n))) return;
  throw new Error(`${op}: ${name} is ${show(tensor.shape)}, expected ${show(shape)}`);
}

/** An axis from 0, where -1 is the last. */
export function axisOf(op: string, axis: number, { shape }: { readonly shape: readonly number[] }): number {
  const rank = shape.length;
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new Error(`${op}: axis ${axis} of ${show(shape)}: expected ${-rank} to ${rank - 1}`);
}

/** Several axes from 0 in rising order. @throws where one is named twice. */
export function axesOf(op: string, axes: readonly number[], x: Tensor): number[] {
  const from0 = axes.map((axis) => axisOf(op, axis, x));
  if (new Set(from0).size !== from0.length) {
    throw new Error(`${op}: axes ${show(axes)} of ${show(x.shape)} name one axis twice`);
  }
  return from0.sort((a, b) => a - b);
}

/** The type, where it is not quantised. @throws where it is. */
export function unquantized(op: string, dtype: DType): DType {
  if (!isQuantFormat(dtype)) return dtype;
  throw new Error(`${op}: got a ${dtype} weight, which only pack, linear and swiglu take`);
}

/** The one type of all operands: any but a quantised one. */
export function anySameType(op: string, tensors: readonly Tensor[]): DType {
  const types = [...new Set(tensors.map((tensor) => tensor.dtype))];
  if (types.length === 1) return unquantized(op, types[0]!);
  throw new Error(`${op}: operands must have one type: got ${types.join(' and ')}; cast() converts`);
}
