// y = x as another element type. Floats become integers by truncation, clamped to the largest and smallest floats in the range of the type.

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL } from '../wgsl.ts';

/** The kernel of a cast of `size` elements. Bindings: x, out. */
export function castKernel(size: number, from: DType, to: DType): Kernel {
  const width = size % 4 === 0 ? 4 : 1;
  const uniforms = uniformBlock(2, { count: u32(size / width) });
  const code = /* wgsl */ `${enableWGSL([from, to])}
@group(0) @binding(0) var<storage, read> x: array<${elementWGSL(from, width)}>;
@group(0) @binding(1) var<storage, read_write> out: array<${elementWGSL(to, width)}>;
${uniforms.wgsl}${workgroupIndexWGSL}${eachWGSL('u.count', `out[i] = ${elementWGSL(to, width)}(x[i]);`)}`;
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
