// y = (x - mean) / sqrt(var + eps) over the last axis; var is the population variance, computed in a second pass.
// norm.ts has the legend, and says what may follow inside the kernel.
import type { DType, Kernel, Target } from '../kernel.ts';
import { type NormShape, normKernel } from './norm.ts';

const statistics = /* wgsl */ `
  var sum = V();
  for (var k = first; k < u.columns; k += step) {
    sum += V(x[start + k]);
  }
  let centre = total(sumOf(sum), local) / f32(u.D);
  var squares = V();
  for (var k = first; k < u.columns; k += step) {
    let d = V(x[start + k]) - centre;
    squares += d * d;
  }
  let factor = 1.0 / sqrt(total(sumOf(squares), local) / f32(u.D) + u.eps);`;

/** The kernel of a layer norm. Bindings: x, then weight, bias, shift and scale if present, then out. */
export function layerNormKernel(shape: NormShape, dtype: DType, target: Target, variant?: string): Kernel {
  return normKernel('layerNorm', statistics, shape, dtype, target, variant);
}
