// y = x as another element type. Floats become integers by truncation, clamped to the type's range.
import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';

const LANES = 256;

/** The kernel of a cast of `size` elements. Bindings: x, out. */
export function castKernel(size: number, from: DType, to: DType): Kernel {
  const uniforms = uniformBlock(2, { count: u32(size) });
  const code = /* wgsl */ `${[from, to].includes('f16') ? 'enable f16;\n' : ''}
@group(0) @binding(0) var<storage, read> x: array<${from}>;
@group(0) @binding(1) var<storage, read_write> out: array<${to}>;
${uniforms.wgsl}${workgroupIndexWGSL}
// An invocation owns one element.
@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = workgroupIndex(id, count) * ${LANES}u + local;
  if (i < u.count) {
    out[i] = ${to}(x[i]);
  }
}
`;
  return {
    label: `cast ${from} to ${to}`,
    code,
    bindings: [
      { name: 'x', dtype: from, access: 'read' },
      { name: 'out', dtype: to, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(size / LANES),
  };
}
