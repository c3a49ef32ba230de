// a + b, a - b, a * b, a / b, for two tensors that broadcast, or for a tensor and a number on either side. Of integers
// the bits beyond 32 are lost, as in PyTorch.

import { type DType, type Kernel, uniformOf } from '../kernel.ts';
import { elementwiseKernel } from './elementwise.ts';

/** The four operations. */
export type Arithmetic = 'add' | 'sub' | 'mul' | 'div';
const symbols: Readonly<Record<Arithmetic, string>> = { add: '+', sub: '-', mul: '*', div: '/' };

/** One side: a tensor, or a number. */
export type ArithmeticSide = { readonly shape: readonly number[]; readonly dtype: DType } | number;

/** The kernel of `a op b` with the result's shape and type. Bindings: a and b if they are tensors, then out. */
export function arithmeticKernel(
  op: Arithmetic,
  a: ArithmeticSide,
  b: ArithmeticSide,
  shape: readonly number[],
  dtype: DType,
): Kernel {
  const sides = Object.entries({ a, b });
  const numbers = sides.filter((side): side is [string, number] => typeof side[1] === 'number');
  const inputs = sides.filter(([, side]) => typeof side !== 'number') as [
    string,
    Exclude<ArithmeticSide, number>,
  ][];
  const term = (name: string, side: ArithmeticSide) => (typeof side === 'number' ? `V(u.${name})` : name);
  return elementwiseKernel({
    label: op,
    shape,
    inputs: Object.fromEntries(inputs),
    dtype,
    scalars: Object.fromEntries(numbers.map(([name, value]) => [name, uniformOf(dtype, value)])),
    value: `${term('a', a)} ${symbols[op]} ${term('b', b)}`,
  });
}
