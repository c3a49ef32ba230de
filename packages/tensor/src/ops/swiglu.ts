import { show, sizeOf, swigluKernel, swigluVariants } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { plainWeight, sameType } from './operands.ts';
import { fillByOutputs, type Packed } from './pack.ts';
import { runVariant } from './variant.ts';

/**
 * silu(x W1^T) * (x W3^T) in one kernel, x [..., in] -> [..., out].
 * @param w13 both weights: `pack([w1, w3], { use: 'swiglu' })`.
 * @param options a variant's name, for tests and benchmarks.
 * @throws where shapes or types do not fit.
 */
export function swiglu(
  x: Tensor,
  w13: Packed,
  options: { readonly variant?: string | undefined } = {},
): Tensor {
  if (w13.use !== 'swiglu')
    throw new Error("swiglu: pack the weights with pack([w1, w3], { use: 'swiglu' })");
  const [N, K] = [w13.outputs[0]!, w13.inputs];
  if (x.shape.at(-1) !== K) {
    throw new Error(
      `swiglu: x ${show(x.shape)} must end in the weights' inputs, ${K} (weights [${N}, ${K}])`,
    );
  }
  const dtype = sameType('swiglu', { x, w13: plainWeight(w13) });
  const lead = x.shape.slice(0, -1);
  const out = Tensor.empty(x.device, [...lead, N], dtype);
  if (!out.size) return out;
  if (w13.parts) {
    fillByOutputs('swiglu', w13.parts, out, (part) => swiglu(x, part, options));
    return out;
  }
  inParts('swiglu', lead, 1, { x, out }, (lead, parts) => {
    const shape = { rows: sizeOf(lead), K, N, pitch: w13.tensor.shape[1]!, weight: w13.tensor.dtype };
    const { target } = x.device;
    const choice = {
      ...{ op: `swiglu ${shape.weight}`, dtype, sizes: [shape.rows, N, K] },
      variants: swigluVariants(shape, target, dtype),
      make: (name: string) => swigluKernel(shape, dtype, target, name),
    };
    runVariant(x.device, options.variant, choice, [parts.x, w13.tensor, parts.out]);
  });
  return out;
}
