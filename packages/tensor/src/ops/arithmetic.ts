// a + b, a - b, a * b, a / b.
import { type Arithmetic, arithmeticKernel, broadcastShape } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';
import { show } from './shapes.ts';

function arithmetic(op: Arithmetic, a: Tensor | number, b: Tensor | number): Tensor {
  const tensors = [a, b].filter((side): side is Tensor => side instanceof Tensor);
  const [first] = tensors;
  if (!first) throw new Error(`${op}: one side at least must be a tensor`);
  const dtype = sameType(op, {
    ...(a instanceof Tensor && { a }),
    ...(b instanceof Tensor && { b }),
  });
  const shape = broadcastShape(...tensors.map((tensor) => tensor.shape));
  if (!shape)
    throw new Error(`${op}: shapes do not broadcast: got ${tensors.map((t) => show(t.shape)).join(' and ')}`);
  const out = Tensor.empty(first.device, shape, dtype);
  const side = (operand: Tensor | number) => (operand instanceof Tensor ? operand.shape : operand);
  if (out.size > 0) first.device.run(arithmeticKernel(op, side(a), side(b), shape, dtype), [...tensors, out]);
  return out;
}

/**
 * a + b, elementwise; shapes broadcast, either side may be a number.
 * @throws where shapes do not broadcast or types differ.
 */
export const add = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('add', a, b);

/** a - b; as {@link add}. */
export const sub = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('sub', a, b);

/** a * b; as {@link add}. */
export const mul = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('mul', a, b);

/** a / b; as {@link add}. */
export const div = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('div', a, b);
