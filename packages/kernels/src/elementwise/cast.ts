// y = x as another element type. Floats become integers by truncation, clamped to the largest and smallest floats in
// the range of the type; a NaN becomes 0.

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL, nanWGSL, vectorWGSL } from '../wgsl.ts';

/** The kernel of a cast of `size` elements. Bindings: x, out. */
export function castKernel(size: number, from: DType, to: DType): Kernel {
  const width = size % 4 === 0 ? 4 : 1;
  const uniforms = uniformBlock(2, { count: u32(size / width) });
  const target = elementWGSL(to, width);
  const truncated = (from === 'f32' || from === 'f16') && (to === 'i32' || to === 'u32');
  const value = truncated
    ? `select(${target}(V(x[i])), ${target}(), ${nanWGSL('V(x[i])')})`
    : `${target}(x[i])`;
  const code = /* wgsl */ `${enableWGSL([from, to])}
${truncated ? vectorWGSL(width) : ''}@group(0) @binding(0) var<storage, read> x: array<${elementWGSL(from, width)}>;
@group(0) @binding(1) var<storage, read_write> out: array<${target}>;
${uniforms.wgsl}${workgroupIndexWGSL}${eachWGSL('u.count', `out[i] = ${value};`)}`;
  return {
    label: `cast ${from} to ${to}`,
    code,
    bindings: [
      { name: 'x', dtype: from, access: 'read' },
      { name: 'out', dtype: to, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(size / width),
  };
}
