// A linear layer with all that may follow it in one kernel. Not here: the layout of its weight (pack.ts), products of two
// activations (matmul.ts).

import { type Activation, linearKernel, linearVariants, show, sizeOf } from '@moviegen/kernels';
import { operandsIn } from '../device/operand.ts';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectShape, plainWeight, sameType, streamType } from './operands.ts';
import { fillByOutputs, type Packed, pack } from './pack.ts';
import { type PerItemOptions, perItem } from './perItem.ts';
import { runVariant } from './variant.ts';

/** Options of {@link linear}; everything runs in one kernel with the product. */
export interface LinearOptions extends PerItemOptions {
  /** [out]. */
  readonly bias?: Tensor | undefined;
  readonly activation?: Activation | undefined;
  /** [out], or [B, out] with B the first axis of x: one row per batch item; with `early` two rows for each. */
  readonly gate?: Tensor | undefined;
  /** Has the result's shape. It may be f32 where the others are f16: the sum and the result are f32 then. */
  readonly residual?: Tensor | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/**
 * residual + gate * activation(x W^T + bias), x [..., in] -> [..., out]. Accumulates in f32.
 * @param weight [out, in], or packed beforehand by {@link pack}, which is faster; the outputs of several stacked
 *   weights lie side by side. It has the type of the other operands, or is quantised and decoded as it is read.
 * @throws where shapes or types do not fit.
 */
export function linear(x: Tensor, weight: Tensor | Packed, options: LinearOptions = {}): Tensor {
  if (weight instanceof Tensor) {
    const packed = pack(weight);
    const out = linear(x, packed, options);
    for (const tensor of operandsIn(packed)) tensor.dispose();
    return out;
  }
  if (weight.use !== 'linear')
    throw new Error('linear: the weight was packed for swiglu; pack it without `use`');
  const { bias, activation, gate, early, residual, variant } = options;
  const K = weight.inputs;
  const N = weight.outputs.reduce((sum, n) => sum + n, 0);
  if (x.shape.at(-1) !== K) {
    throw new Error(`linear: x ${show(x.shape)} must end in the weight's inputs, ${K} (weight [${N}, ${K}])`);
  }
  const lead = x.shape.slice(0, -1);
  expectShape('linear', 'bias', bias, [N]);
  const gating = perItem('linear', { gate }, lead, N, early);
  expectShape('linear', 'residual', residual, [...lead, N]);
  const dtype = sameType('linear', { x, weight: plainWeight(weight), bias, gate });
  const stream = streamType('linear', 'residual', residual, dtype);
  const out = Tensor.empty(x.device, [...lead, N], stream);
  if (!out.size) return out;
  if (weight.parts) {
    fillByOutputs('linear', weight.parts, out, (part, cut) =>
      linear(x, part, { ...options, bias: cut(bias), gate: cut(gate), residual: cut(residual) }),
    );
    return out;
  }
  const cut = gating.cut ? { gate } : {};
  inParts('linear', lead, 1, { x, ...cut, residual, out }, (lead, parts, before) => {
    const rows = sizeOf(lead);
    const own = gating.cut ? parts.gate : gate;
    const shape = {
      rows,
      K,
      N,
      pitch: weight.tensor.shape[1]!,
      weight: weight.tensor.dtype,
      bias: bias !== undefined,
      activation,
      gate: own && gating.rows(rows, before, own.size),
      residual: residual !== undefined,
      stream,
    };
    const absent = parts.x; // bound in place of what is not given, and not read
    const fused = [bias ?? absent, own ?? absent, parts.residual ?? absent];
    const operands = [parts.x, weight.tensor, ...fused, parts.out];
    const { target } = x.device;
    const choice = {
      op: `linear ${shape.weight}`,
      dtype,
      sizes: [rows, N, K],
      variants: linearVariants(shape, target, dtype),
      make: (name: string) => linearKernel(shape, dtype, target, name),
    };
    runVariant(x.device, variant, choice, operands);
  });
  return out;
}
