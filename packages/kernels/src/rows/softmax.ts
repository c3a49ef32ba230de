// y = exp(x - max) / sum exp(x - max) along one axis. Legend: x [A, N, I], softmax over N.
// Along the last axis (I = 1) rows are swept as in rows.ts; along another axis, each invocation owns one column.

import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { elementWGSL, enableWGSL } from '../wgsl.ts';
import { rowSweep, rowVariants } from './rows.ts';

/** Sizes before, along and after the axis. */
export interface SoftmaxShape {
  readonly A: number;
  readonly N: number;
  readonly I: number;
}

/** Variants of a softmax, best first. */
export const softmaxVariants = ({ I }: SoftmaxShape, target: Target): string[] =>
  I === 1 ? rowVariants(target) : ['invocation'];

/** The kernel of a softmax. Bindings: x, out. */
export function softmaxKernel(
  shape: SoftmaxShape,
  dtype: DType,
  target: Target,
  variant: string = softmaxVariants(shape, target)[0]!,
): Kernel {
  const { A, N, I } = shape;
  const rows = A * I;
  const uniforms = uniformBlock(2, { rows: u32(rows), N: u32(N), I: u32(I) });
  const sweep = rowSweep(variant, rows, N, target, 'total', 'largest');
  const element = elementWGSL(dtype, 1);
  const code = /* wgsl */ `${enableWGSL([dtype])}${sweep.enable}
@group(0) @binding(0) var<storage, read> x: array<${element}>;
@group(0) @binding(1) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}${sweep.functions}
${sweep.open}
  let start = row / u.I * u.N * u.I + row % u.I;
  var top = -3.4028234e38;
  for (var k = first; k < u.N; k += step) {
    top = greater(top, f32(x[start + k * u.I]));
  }
  let highest = largest(top, local);
  var sum = 0.0;
  for (var k = first; k < u.N; k += step) {
    sum += exp(f32(x[start + k * u.I]) - highest);
  }
  // A NaN or +inf makes the row NaN, as exp(inf - inf) would. The exp of some adapters drops a NaN.
  let bits = bitcast<u32>(highest);
  let spoiled = (bits & 0x7fffffffu) >= 0x7f800000u;
  let all = select(total(sum, local), bitcast<f32>(bits | 0x7fc00000u), spoiled);
  for (var k = first; k < u.N; k += step) {
    let at = start + k * u.I;
    out[at] = ${dtype}(exp(f32(x[at]) - highest) / all);
  }
}
`;
  return {
    label: `softmax ${dtype} ${variant}`,
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: sweep.workgroups,
  };
}
