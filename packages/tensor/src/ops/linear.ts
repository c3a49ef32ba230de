import { type Activation, linearKernel, linearVariants, show, sizeOf } from '@moviegen/kernels';
import { operandsIn } from '../device/operand.ts';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectShape, plainWeight, sameType, streamType } from './operands.ts';
import { fillByOutputs, type Packed, pack } from './pack.ts';
import { runVariant } from './variant.ts';

/** Options of {@link linear}; every part is fused into the product. */
export interface LinearOptions {
  /** [out]. */
  readonly bias?: Tensor | undefined;
  readonly activation?: Activation | undefined;
  /** [out], or [B, out] with B the first axis of x: one row per batch item. */
  readonly gate?: Tensor | undefined;
  /** Has the result's shape. It may be f32 where the others are f16: the sum and the result are f32 then. */
  readonly residual?: Tensor | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

/**
 * residual + gate * activation(x W^T + bias), x [..., in] -> [..., out]. Accumulates in f32.
 * @param weight [out, in], or prepacked by {@link pack}, which is faster; of several stacked weights the
 *   outputs lie side by side. Of the other operands' type, or quantised: then it is dequantised as it is read.
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
  const { bias, activation, gate, residual, variant } = options;
  const K = weight.inputs;
  const N = weight.outputs.reduce((sum, n) => sum + n, 0);
  if (x.shape.at(-1) !== K) {
    throw new Error(`linear: x ${show(x.shape)} must end in the weight's inputs, ${K} (weight [${N}, ${K}])`);
  }
  const lead = x.shape.slice(0, -1);
  expectShape('linear', 'bias', bias, [N]);
  expectShape('linear', 'gate', gate, gate?.rank === 1 ? [N] : [lead[0] ?? 1, N]);
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
  inParts('linear', lead, 1, { x, gate, residual, out }, (lead, parts) => {
    const rows = sizeOf(lead);
    const shape = {
      rows,
      K,
      N,
      pitch: weight.tensor.shape[1]!,
      weight: weight.tensor.dtype,
      bias: bias !== undefined,
      activation,
      rowsPerGate: parts.gate && rows / (parts.gate.size / N),
      residual: residual !== undefined,
      stream,
    };
    const absent = parts.x;
    const operands = [
      ...[parts.x, weight.tensor, bias ?? absent, parts.gate ?? absent, parts.residual ?? absent],
      parts.out,
    ];
    const { target } = x.device;
    const choice = {
      ...{ op: `linear ${shape.weight}`, dtype, sizes: [rows, N, K] },
      variants: linearVariants(shape, target, dtype),
      make: (name: string) => linearKernel(shape, dtype, target, name),
    };
    runVariant(x.device, variant, choice, operands);
  });
  return out;
}
