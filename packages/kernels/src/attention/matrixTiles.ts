// How the attention on tensor cores (attentionMatrix.ts) is spread over a workgroup and its memory: sizes that its
// text, and the test that plays it on a CPU, are made from.
import type { Target } from '../kernel.ts';
import { matrixConfig } from '../matmul/matrixTile.ts';

const largestHead = 256;

/** How an attention is spread over a workgroup; places in its memory are in units of 8 bytes. */
export interface AttentionTiles {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
  readonly subgroups: number;
  /** Matrices of queries of a subgroup. */
  readonly rows: number;
  /** Queries of the workgroup. */
  readonly queries: number;
  /** Keys of a tile. */
  readonly keys: number;
  /** Size of a head, in whole matrices. */
  readonly depth: number;
  /** From row to row of the slab, the scores, the weights: two units longer than a row, against bank conflicts. */
  readonly pitch: { readonly slab: number; readonly scores: number; readonly weights: number };
  readonly units: { readonly slab: number; readonly scores: number; readonly weights: number };
}

/** The tiles for this head size with the most keys that fit; undefined where the adapter has no such matrices. */
export function attentionTiles(D: number, target: Target): AttentionTiles | undefined {
  const config = matrixConfig(target);
  if (!config || D > largestHead) return undefined;
  const { M: m, N: n, K: k } = config;
  const subgroup = target.subgroupSize[0];
  const subgroups = target.software ? 2 : 4;
  const rows = target.software ? 1 : 16 / m;
  if (subgroup % (rows * m) !== 0 || subgroups * subgroup > target.maxWorkgroupSize) return undefined;
  const queries = subgroups * rows * m;
  const whole = Math.max(n, k);
  const depth = Math.ceil(D / whole) * whole;
  for (const keys of target.software ? [16] : [64, 32, 16]) {
    const pitch = { slab: depth / 4 + 2, scores: keys / 2 + 2, weights: keys / 4 + 2 };
    const units = {
      slab: Math.max(keys, queries) * pitch.slab,
      scores: queries * pitch.scores,
      weights: queries * pitch.weights,
    };
    const bytes = 8 * (units.slab + units.scores + units.weights) + 4;
    if (keys % (4 * (subgroup / (rows * m))) !== 0 || bytes > target.maxWorkgroupStorage) continue;
    return { m, n, k, subgroup, subgroups, rows, queries, keys, depth, pitch, units };
  }
  return undefined;
}

/** What follows from the tiles: counts, types, and where a subgroup's rows begin. */
export function attentionSpread({ m, n, k, subgroup, subgroups, rows, keys, depth }: AttentionTiles) {
  const size = subgroups * subgroup;
  const ownRows = rows * m;
  return {
    /** Invocations. */
    size,
    /** Queries of a subgroup. */
    ownRows,
    /** Lanes that share a row of scores. */
    sharing: subgroup / ownRows,
    /** Matrices along a head's numbers: of q and k, and of the results. */
    deep: depth / k,
    across: depth / n,
    /** Vectors of a tile of keys or values that an invocation brings. */
    loads: Math.ceil((keys * depth) / 4 / size),
    left: `subgroup_matrix_left<f16, ${k}, ${m}>`,
    right: `subgroup_matrix_right<f16, ${n}, ${k}>`,
    result: `subgroup_matrix_result<f32, ${n}, ${m}>`,
    /** The first row of a subgroup's matrix `i`. */
    row: (i: number) => `(subgroup * ${ownRows}u + ${i * m}u)`,
  };
}
