// Attention straight from its definition, with an online softmax: one invocation per query and 32 columns of the
// output. The scores are computed again for each 32 columns. This is the slow version, which any adapter can run.

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, fromF32, toF32, unroll } from '../wgsl.ts';
import { attentionBindings, attentionUniforms, biasWGSL, keyRangeWGSL, lowest } from './parts.ts';
import type { AttentionShape } from './shape.ts';

const workgroupSize = 32;
const chunk = 32;

/** Bindings: q, k, v, [keyLengths], [bias], out. */
export function attentionPlainKernel(shape: AttentionShape, dtype: DType): Kernel {
  const { batch, heads, N, valueSize } = shape;
  const chunks = Math.ceil(valueSize / chunk);
  const size = batch * heads * N * chunks;
  const { bindings, declarations, extra } = attentionBindings(shape, dtype);
  const uniforms = uniformBlock(bindings.length, {
    ...attentionUniforms(shape),
    V: u32(valueSize),
    size: u32(size),
    chunks: u32(chunks),
  });
  const vectors = chunk / 4;
  const numbers = (j: number) => [0, 1, 2, 3].map((c) => toF32(dtype, `v[vRow + ${4 * j + c}u]`)).join(', ');
  const code = /* wgsl */ `${enableWGSL(dtype, false)}
${declarations(`array<${dtype}>`)}
${uniforms.wgsl}${workgroupIndexWGSL}${keyRangeWGSL(shape)}
@compute @workgroup_size(${workgroupSize}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroupIndex(id, count) * ${workgroupSize}u + lane;
  if (index >= u.size) { return; }
  let n = index % u.N;
  let first = index / u.N % u.chunks * ${chunk}u;
  let h = index / (u.N * u.chunks) % u.H;
  let b = index / (u.N * u.chunks * u.H);
  let qRow = u.qStart + (b * u.N + n) * u.qPitch + h * u.D;
  let keyHead = h / u.sharing;
  var largest = ${lowest};
  var total = 0.0;
${unroll(vectors, (j) => `  var o${j} = vec4f();`)}
  let keys = keyEnd(b, n);
  for (var m = 0u; m < keys; m++) {
    let kRow = u.kStart + (b * u.M + m) * u.kPitch + keyHead * u.D;
    var dot = 0.0;
    for (var d = 0u; d < u.D; d++) { dot += ${toF32(dtype, 'q[qRow + d]')} * ${toF32(dtype, 'k[kRow + d]')}; }
    let score = dot * u.scale${shape.bias ? ` + ${biasWGSL(shape, dtype, 'n', 'm')}` : ''};
    let next = max(largest, score);
    let fade = exp(largest - next);
    let weight = exp(score - next);
    largest = next;
    total = total * fade + weight;
    let vRow = u.vStart + (b * u.M + m) * u.vPitch + keyHead * u.V + first;
${unroll(vectors, (j) => `    o${j} = o${j} * fade + weight * vec4f(${numbers(j)});`)}
  }
  var columns = array<vec4f, ${vectors}>(${Array.from({ length: vectors }, (_, j) => `o${j}`).join(', ')});
  let share = select(1.0 / total, 0.0, total == 0.0);
  let outRow = ((b * u.N + n) * u.H + h) * u.V;
  for (var d = first; d < min(first + ${chunk}u, u.V); d++) {
    let value = columns[(d - first) / 4u][d % 4u] * share;
    out[outRow + d] = ${fromF32(dtype, 'value')};
  }
}
`;
  return {
    label: ['attention', dtype, 'plain', ...extra].join(' '),
    code,
    bindings,
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(size / workgroupSize),
  };
}
