// Convolution straight from its definition: one invocation per output, in any layout, with groups. The plain version,
// for the cases that the implicit matrix product (conv.ts) does not cover: channels first, and groups.
// y[b, o, p] = activation(bias[o] + sum over i, taps of W[o, i, tap] x[b, i, p stride + tap dilation - pad]) + residual
import { activationWGSL } from '../activation.ts';
import { type Binding, type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, fromF32, toF32 } from '../wgsl.ts';
import type { ConvShape } from './shape.ts';
import { convUniforms, inputCoordinateWGSL } from './window.ts';

const workgroupSize = 64;

/** The kernel. Weight [O, C / groups, taps] as stored. Bindings: x, weight, [bias], [residual], out. */
export function convDirectKernel(
  shape: ConvShape,
  parts: { readonly bias: boolean; readonly residual: boolean },
  dtype: DType,
): Kernel {
  const { batch, C, O, groups, input, output, kernel, channelsLast } = shape;
  const size = batch * O * output[0] * output[1] * output[2];
  const positions = input[0] * input[1] * input[2];
  const fused = (['bias', 'residual'] as const).filter((name) => parts[name]);
  const uniforms = uniformBlock(3 + fused.length, {
    ...convUniforms(shape),
    size: u32(size),
    C: u32(C),
    O: u32(O),
    perGroup: u32(C / groups),
    outputsPerGroup: u32(O / groups),
    taps: u32(kernel[0] * kernel[1] * kernel[2]),
    channelStride: u32(channelsLast ? 1 : positions),
    positionStride: u32(channelsLast ? C : 1),
  });
  const [outer, inner] = channelsLast ? ['position', 'o'] : ['o', 'position'];
  const code = /* wgsl */ `${enableWGSL(dtype, false)}
@group(0) @binding(0) var<storage, read> x: array<${dtype}>;
@group(0) @binding(1) var<storage, read> weight: array<${dtype}>;
${fused.map((name, i) => `@group(0) @binding(${2 + i}) var<storage, read> ${name}: array<${dtype}>;`).join('\n')}
@group(0) @binding(${2 + fused.length}) var<storage, read_write> out: array<${dtype}>;
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(shape.activation)}${inputCoordinateWGSL}
@compute @workgroup_size(${workgroupSize}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroupIndex(id, count) * ${workgroupSize}u + lane;
  if (index >= u.size) { return; }
  let outputs = u.outT * u.outH * u.outW;
  let ${inner} = index % ${inner === 'o' ? 'u.O' : 'outputs'};
  let ${outer} = index / ${inner === 'o' ? 'u.O' : 'outputs'} % ${outer === 'o' ? 'u.O' : 'outputs'};
  let b = index / (u.O * outputs);
  let firstChannel = o / u.outputsPerGroup * u.perGroup;
  let start = b * u.C * u.inT * u.inH * u.inW + firstChannel * u.channelStride;
  var sum = 0.0;
  for (var tap = 0u; tap < u.taps; tap++) {
    let at = inputPosition(position, tap);
    for (var i = 0u; i < u.perGroup; i++) {
      let w = ${toF32(dtype, 'weight[(o * u.perGroup + i) * u.taps + tap]')};
      let value = ${toF32(dtype, 'x[start + i * u.channelStride + at.index * u.positionStride]')};
      sum += w * select(0.0, value, at.inside);
    }
  }
  ${parts.bias ? `sum += ${toF32(dtype, 'bias[o]')};` : ''}
  sum = activate(vec4f(sum)).x;
  ${parts.residual ? `sum += ${toF32(dtype, 'residual[index]')};` : ''}
  out[index] = ${fromF32(dtype, 'sum')};
}
`;
  return {
    label: ['conv', dtype, 'direct', shape.activation, ...fused].filter(Boolean).join(' '),
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      ...fused.map((name): Binding => ({ name, dtype, access: 'read' })),
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(size / workgroupSize),
    flops: 2 * size * (C / groups) * kernel[0] * kernel[1] * kernel[2],
  };
}
