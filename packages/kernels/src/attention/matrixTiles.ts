// How the attention on tensor cores (matrix.ts) is spread over a workgroup and its memory. Both the kernel's text and
// the test that replays it on the CPU use these sizes.
import type { Target } from '../kernel.ts';
import { matrixConfig } from '../matmul/matrixTile.ts';

const largestHead = 256;

/** How an attention is spread over a workgroup; offsets in its memory are in units of 8 bytes. */
export interface AttentionTiles {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
  readonly subgroups: number;
  /** Number of query matrices per subgroup, one below the other. */
  readonly rows: number;
  /** Number of queries per workgroup. */
  readonly queries: number;
  /** Number of keys in a tile. */
  readonly keys: number;
  /** Size of a head, rounded up to whole matrices. */
  readonly depth: number;
  /** Units from row to row of the slab, the scores, the weights: two more than a row needs, to avoid bank conflicts. */
  readonly pitch: { readonly slab: number; readonly scores: number; readonly weights: number };
  readonly units: { readonly slab: number; readonly scores: number; readonly weights: number };
}

/** The tiles for this head size with the most keys that fit; undefined if the adapter has no such matrices. */
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

/** What follows from the tiles: counts, types, and where the rows of a subgroup begin. */
export function attentionSpread({ m, n, k, subgroup, subgroups, rows, keys, depth }: AttentionTiles) {
  const size = subgroups * subgroup;
  const ownRows = rows * m;
  return {
    /** Number of invocations. */
    size,
    /** Number of queries per subgroup. */
    ownRows,
    /** Number of lanes that share a row of scores. */
    sharing: subgroup / ownRows,
    /** Number of matrices along the numbers of a head: `deep` for q and k, `across` for the results. */
    deep: depth / k,
    across: depth / n,
    /** Number of vectors of a tile of keys or values that one invocation brings. */
    loads: Math.ceil((keys * depth) / 4 / size),
    left: `subgroup_matrix_left<f16, ${k}, ${m}>`,
    right: `subgroup_matrix_right<f16, ${n}, ${k}>`,
    result: `subgroup_matrix_result<f32, ${n}, ${m}>`,
    /** WGSL of the first row of matrix `i` of a subgroup. */
    row: (i: number) => `(subgroup * ${ownRows}u + ${i * m}u)`,
  };
}
