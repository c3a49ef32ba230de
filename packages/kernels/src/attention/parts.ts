// WGSL, bindings and uniforms that the attention kernels share.

import { type Binding, type DType, f32, u32, uniformBlock } from '../kernel.ts';
import { toF32 } from '../wgsl.ts';
import type { AttentionShape } from './shape.ts';

/**
 * Where a running maximum starts: the lowest f32. So `exp(largest - next)` is 0 at the first score, a score of
 * -infinity has weight 0, and a row of such scores has total 0.
 */
export const lowest = '-3.4028234663852886e38';

/** Uniform fields of an attention. */
export const attentionUniforms = ({ heads, keyHeads, N, M, D, q, k, v, scale, bias }: AttentionShape) => ({
  H: u32(heads),
  sharing: u32(heads / keyHeads),
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
  biasRow: u32(bias?.rowStride ?? 0),
  hidden: f32(Number.NEGATIVE_INFINITY),
});

/** The bindings q, k, v, [keyLengths], [bias], out, their declarations, and the names of the optional ones that are present. */
export function attentionBindings(shape: AttentionShape, dtype: DType) {
  const optional: Binding[] = [];
  if (shape.keyLengths) optional.push({ name: 'keyLengths', dtype: 'u32', access: 'read' });
  if (shape.bias) optional.push({ name: 'bias', dtype: shape.bias.mask ? 'u32' : dtype, access: 'read' });
  const bindings: Binding[] = [
    ...(['q', 'k', 'v'] as const).map((name): Binding => ({ name, dtype, access: 'read' })),
    ...optional,
    { name: 'out', dtype, access: 'read_write' },
  ];
  /** `storage`: how q, k, v and out are bound. */
  const declarations = (storage: string) =>
    bindings
      .map(({ name, dtype: type, access }, i) => {
        const array = optional.some((binding) => binding.name === name) ? `array<${type}>` : storage;
        return `@group(0) @binding(${i}) var<storage, ${access}> ${name}: ${array};`;
      })
      .join('\n');
  return {
    bindings,
    declarations,
    extra: optional.map(({ name }) => (name === 'bias' && shape.bias?.mask ? 'mask' : name)),
  };
}

/**
 * What kernels with a tile of queries per workgroup share: the bindings, the number of workgroups, whether rows can be
 * read four numbers at a time, and the uniforms (the tiles' too).
 */
export function attentionTiling(shape: AttentionShape, dtype: DType, queries: number) {
  const { batch, heads, N, D } = shape;
  const tilesN = Math.ceil(N / queries);
  const workgroups = batch * heads * tilesN;
  const bound = attentionBindings(shape, dtype);
  const wide =
    D % 4 === 0 && [shape.q, shape.k, shape.v].every((c) => c.pitch % 4 === 0 && c.start % 4 === 0);
  const uniforms = uniformBlock(bound.bindings.length, {
    ...attentionUniforms(shape),
    D4: u32(Math.ceil(D / 4)),
    tilesN: u32(tilesN),
    tiles: u32(workgroups),
  });
  return { ...bound, workgroups, wide, uniforms };
}

/** An expression of what is added to the score of head `h` of batch item `b` at query `n`, key `m`. */
export function biasWGSL({ bias }: AttentionShape, dtype: DType, n: string, m: string): string {
  const number = `bias[b * u.biasBatch + h * u.biasHead + ${n} * u.biasRow + ${m}]`;
  return bias?.mask ? `select(u.hidden, 0.0, ${number} != 0u)` : toF32(dtype, number);
}

/** `keyEnd(b, n)`: query n of batch item b sees the keys before this one. */
export const keyRangeWGSL = ({ causal, keyLengths }: AttentionShape): string => /* wgsl */ `
fn keyEnd(b: u32, n: u32) -> u32 {
  ${keyLengths ? 'let end = min(u.M, keyLengths[b]);' : 'let end = u.M;'}
  ${causal ? 'return min(end, n + 1u);' : 'return end;'}
}
`;
