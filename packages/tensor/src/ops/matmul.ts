import { matmulKernel, matmulSizes } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** `a` is stored [..., K, M]. */
  readonly transposeA?: boolean;
  /** `b` is stored [..., N, K]. */
  readonly transposeB?: boolean;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string;
}

/**
 * Matrix product [..., M, K] x [..., K, N] -> [..., M, N]; axes in front broadcast. Accumulates in f32.
 * Constant weights are faster through {@link linear} with {@link pack}.
 * @throws where inner dimensions differ, batch axes do not broadcast, or the types differ.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, variant } = options;
  const dtype = sameType('matmul', { a, b });
  const shape = { a: a.shape, b: b.shape, transposeA, transposeB };
  const out = Tensor.empty(a.device, matmulSizes(shape).out, dtype);
  if (out.size) a.device.run(matmulKernel(shape, dtype, a.device.target, variant), [a, b, out]);
  return out;
}
