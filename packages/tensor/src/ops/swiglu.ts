import { swigluKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { plainWeight, sameType } from './operands.ts';
import type { Packed } from './pack.ts';

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
      `swiglu: x [${x.shape.join(', ')}] must end in the weights' inputs, ${K} (weights [${N}, ${K}])`,
    );
  }
  const dtype = sameType('swiglu', { x, w13: plainWeight(w13) });
  const lead = x.shape.slice(0, -1);
  const out = Tensor.empty(x.device, [...lead, N], dtype);
  if (!out.size) return out;
  const rows = lead.reduce((product, n) => product * n, 1);
  const shape = { rows, K, N, pitch: w13.tensor.shape[1]!, weight: w13.tensor.dtype };
  x.device.run(swigluKernel(shape, dtype, x.device.target, options.variant), [x, w13.tensor, out]);
  return out;
}
