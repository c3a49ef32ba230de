// Finds the ranges of buffers to bind for a kernel's bindings and the tensors given for them. Mistakes are found here
// with names; WebGPU would report them late and without.
import type { Kernel } from '@moviegen/kernels';
import type { BufferRange } from '../gpu/commands.ts';
import { largestOperand } from '../gpu/storage.ts';
import type { Operand, OperandHome } from './operand.ts';

/** The ranges to bind. @throws where a tensor does not fit its binding, or a written buffer is bound twice. */
export function bind(
  device: OperandHome & { readonly limits: GPUSupportedLimits },
  { label, bindings }: Kernel,
  operands: readonly Operand[],
): BufferRange[] {
  if (operands.length !== bindings.length) {
    throw new Error(`internal: ${label}: got ${operands.length} tensors for ${bindings.length} bindings`);
  }
  const most = largestOperand(device);
  const ranges = operands.map((tensor, i): BufferRange => {
    const { name, dtype } = bindings[i]!;
    if (tensor.device !== device) throw new Error(`${label}: ${name} is on another device`);
    if (tensor.dtype !== dtype) {
      throw new Error(`internal: ${label}: ${name} is ${tensor.dtype}, not ${dtype}`);
    }
    const [range, ...others] = tensor.ranges(label);
    if (range && others.length === 0 && range.bytes <= most) return range;
    const where = others.length > 0 ? ` in ${1 + others.length} buffers` : '';
    throw new Error(
      `${label}: ${name}, ${tensor}, has ${tensor.bytes} bytes${where}; this adapter binds at most ${most} of one buffer, and this op does not take operands in parts: give it less at once (slices, fewer frames, smaller tiles)`,
    );
  });
  ranges.forEach(({ block }, i) => {
    if (bindings[i]!.access === 'read') return;
    const twin = ranges.findIndex((other, j) => j !== i && other.block === block);
    if (twin < 0) return;
    const [name, other] = [bindings[i]!.name, bindings[twin]!.name];
    throw new Error(`internal: ${label}: ${name} is written and shares a buffer with ${other}`);
  });
  return ranges;
}
