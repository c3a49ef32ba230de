// Elementwise a + b, a - b, a * b and a / b, with broadcasting. The kernels are in @moviegen/kernels.
import { type Arithmetic, arithmeticKernel, broadcastShape, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { bindable, inParts } from './large/parts.ts';
import { expectNumber, promotedType } from './operands.ts';

function arithmetic(op: Arithmetic, a: Tensor | number, b: Tensor | number): Tensor {
  const tensors = [a, b].filter((side): side is Tensor => side instanceof Tensor);
  const [first] = tensors;
  if (!first) throw new Error(`${op}: at least one side must be a tensor`);
  const dtype = promotedType(op, {
    ...(a instanceof Tensor && { a }),
    ...(b instanceof Tensor && { b }),
  });
  for (const [name, side] of Object.entries({ a, b }))
    if (typeof side === 'number') expectNumber(op, name, side, dtype);
  if (op === 'div' && (dtype === 'i32' || dtype === 'u32'))
    throw new Error(`div: got ${dtype}, whose quotients are not integers; cast() to f32 first`);
  const shape = broadcastShape(...tensors.map((tensor) => tensor.shape));
  if (!shape)
    throw new Error(`${op}: shapes do not broadcast: got ${tensors.map((t) => show(t.shape)).join(' and ')}`);
  const out = Tensor.empty(first.device, shape, dtype);
  if (out.size === 0) return out;
  const operands = { ...(a instanceof Tensor && { a }), ...(b instanceof Tensor && { b }), out };
  const run = (parts: typeof operands): void => {
    const side = (operand: Tensor | number, part: Tensor | undefined) =>
      operand instanceof Tensor ? part! : operand;
    const kernel = arithmeticKernel(op, side(a, parts.a), side(b, parts.b), parts.out.shape, dtype);
    first.device.run(
      kernel,
      [parts.a, parts.b, parts.out].filter((tensor) => tensor !== undefined),
    );
  };
  if (bindable(...tensors, out)) run(operands);
  else {
    // Broadcasting matches axes from the last one on, so axes that an operand lacks are added in front.
    const full = (tensor: Tensor) => tensor.reshape([...shape.slice(tensor.rank).fill(1), ...tensor.shape]);
    const views = Object.fromEntries(Object.entries(operands).map(([name, tensor]) => [name, full(tensor)]));
    inParts(op, shape, 0, views as typeof operands, (_, parts) => run(parts));
    for (const view of Object.values(views)) view.dispose();
  }
  return out;
}

/**
 * a + b, elementwise. Shapes broadcast, and either side may be a number. One side f32 and the other f16 give f32. i32 or
 * u32 on both sides give their type; results that need more than 32 bits lose the upper ones, as in PyTorch.
 * @throws where shapes do not broadcast, types do not go together, or a number does not fit an integer type.
 */
export const add = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('add', a, b);

/** a - b; as {@link add}. */
export const sub = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('sub', a, b);

/** a * b; as {@link add}. */
export const mul = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('mul', a, b);

/** a / b; as {@link add}, but of floats alone: PyTorch gives floats for integers, so cast() them first. */
export const div = (a: Tensor | number, b: Tensor | number): Tensor => arithmetic('div', a, b);
