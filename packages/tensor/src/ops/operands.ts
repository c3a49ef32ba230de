// Checks of operands that the product ops share.
import { type DType, isQuantFormat } from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';

/** The type that all given operands have. */
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

/** f32 where some operands are f32 and some f16, as in PyTorch; else the type that all have. */
export function promotedType(op: string, operands: Readonly<Record<string, Tensor>>): DType {
  const types = new Set(Object.values(operands).map(({ dtype }) => dtype));
  return types.size === 2 && types.has('f32') && types.has('f16') ? 'f32' : sameType(op, operands);
}

/** The type of an operand that may be f32 where the others are f16: the stream that a model's layers add to. */
export function streamType(op: string, name: string, tensor: Tensor | undefined, dtype: DType): DType {
  if (!tensor || tensor.dtype === dtype || tensor.dtype === 'f32') return tensor?.dtype ?? dtype;
  throw new Error(
    `${op}: ${name} must be ${dtype} as the others are, or f32: got ${tensor.dtype}; cast() converts`,
  );
}

/** A packed weight among operands that have one type: undefined where it is quantised, which goes with both types. */
export const plainWeight = ({ tensor }: { readonly tensor: Tensor }): Tensor | undefined =>
  isQuantFormat(tensor.dtype) ? undefined : tensor;

/** Checks an operand's shape. */
export function expectShape(
  op: string,
  name: string,
  tensor: Tensor | undefined,
  shape: readonly number[],
): void {
  if (!tensor || (tensor.rank === shape.length && shape.every((n, i) => tensor.shape[i] === n))) return;
  throw new Error(`${op}: ${name} is [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`);
}
