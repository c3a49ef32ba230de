// Small kernels for testing the device itself.
import { type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '@moviegen/kernels';

/** y[i] = x[i] * 2 + add, one element a workgroup, so that few elements make many workgroups. */
export function affine(count: number, add = 1): Kernel {
  const uniforms = uniformBlock(2, { count: u32(count), add: u32(add) });
  return {
    label: 'affine',
    bindings: [
      { name: 'x', dtype: 'f32', access: 'read' },
      { name: 'y', dtype: 'f32', access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: count,
    code: /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
${uniforms.wgsl}
${workgroupIndexWGSL}
@compute @workgroup_size(1) fn main(
  @builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = workgroupIndex(id, groups);
  if (i >= u.count) { return; }
  y[i] = x[i] * 2 + f32(u.add);
}
`,
  };
}
