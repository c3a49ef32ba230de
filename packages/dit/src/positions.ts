// Positions: learnable and factorized, phi_t[t] + phi_h[h] + phi_w[w], one set of tables for all layers.

import { add, matmul, slice, Tensor } from '@moviegen/tensor';

/** Tokens along t, h, w. */
export type Grid = readonly [t: number, h: number, w: number];

/** The tables `[n, D]` of `pos_embed`. */
export interface PositionTables {
  readonly t: Tensor;
  readonly h: Tensor;
  readonly w: Tensor;
}

/** Positions of every token of a grid, [N, D], t-major, then h, then w. */
export function positionsOf(tables: PositionTables, [T, H, W]: Grid): Tensor {
  const D = tables.t.shape[1]!;
  const t = rows(tables.t, T).reshape([T, 1, D]);
  const h = rows(tables.h, H).reshape([1, H, D]);
  const w = rows(tables.w, W).reshape([1, W, D]);
  const frames = add(t, h).reshape([T * H, 1, D]);
  return add(frames, w).reshape([T * H * W, D]);
}

/** The first G rows; where there are only n < G, they are sampled linearly at `i (n-1)/(G-1)`: [G, D]. */
function rows(table: Tensor, G: number): Tensor {
  const [n, D] = table.shape as [number, number];
  if (G === n) return table;
  if (G < n) return slice(table, { start: [0, 0], end: [G, D] });
  const share = new Float32Array(G * n);
  for (let i = 0; i < G; i++) {
    const at = (i * (n - 1)) / (G - 1);
    const low = Math.min(Math.floor(at), Math.max(n - 2, 0));
    const high = Math.min(low + 1, n - 1);
    share[i * n + low]! += 1 - (at - low);
    share[i * n + high]! += at - low;
  }
  return matmul(Tensor.from(table.device, share, [G, n], { dtype: table.dtype }), table);
}
