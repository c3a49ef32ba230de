// WGSL and uniforms that the attention kernels share.
import type { AttentionShape } from './attentionShape.ts';
import { f32, u32 } from './kernel.ts';

/**
 * Where a running maximum starts: the lowest f32, so that `exp(largest - next)` is 0 for a first score,
 * a score of -infinity weighs 0, and a row of nothing else totals 0.
 */
export const lowest = '-3.4028234663852886e38';

/** Uniform fields of an attention. */
export const attentionUniforms = ({ heads, N, M, D, q, k, v, scale, bias }: AttentionShape) => ({
  H: u32(heads),
  N: u32(N),
  M: u32(M),
  D: u32(D),
  qPitch: u32(q.pitch),
  qStart: u32(q.start),
  kPitch: u32(k.pitch),
  kStart: u32(k.start),
  vPitch: u32(v.pitch),
  vStart: u32(v.start),
  scale: f32(scale),
  biasBatch: u32(bias?.batchStride ?? 0),
  biasHead: u32(bias?.headStride ?? 0),
});

/** `keyEnd(b, n)`: query n of batch item b sees the keys before it. */
export const keyRangeWGSL = ({ causal, keyLengths }: AttentionShape): string => /* wgsl */ `
fn keyEnd(b: u32, n: u32) -> u32 {
  ${keyLengths ? 'let end = min(u.M, keyLengths[b]);' : 'let end = u.M;'}
  ${causal ? 'return min(end, n + 1u);' : 'return end;'}
}
`;
