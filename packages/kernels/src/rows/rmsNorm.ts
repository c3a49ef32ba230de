// y = x / sqrt(mean(x^2) + eps) over the last axis. norm.ts has the legend, and says what may follow inside the kernel.
import type { DType, Kernel, Target } from '../kernel.ts';
import { type NormShape, normKernel } from './norm.ts';

const statistics = /* wgsl */ `
  let centre = 0.0;
  var squares = V();
  for (var k = first; k < u.columns; k += step) {
    let v = V(x[start + k]);
    squares += v * v;
  }
  let factor = 1.0 / sqrt(total(sumOf(squares), local) / f32(u.D) + u.eps);`;

/** The kernel of an RMS norm. Bindings: x, then weight, bias, shift and scale if present, then out. */
export function rmsNormKernel(shape: NormShape, dtype: DType, target: Target, variant?: string): Kernel {
  return normKernel('rmsNorm', statistics, shape, dtype, target, variant);
}
