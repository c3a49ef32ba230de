// Positions: learnable and factorized, phi_t[t] + phi_h[h] + phi_w[w], one set of tables for all blocks.

import {
  add,
  type Grid,
  keep,
  matmul,
  observed,
  scope,
  slice,
  Tensor,
  type WeightBook,
} from '@moviegen/tensor';

/** The tables of `pos_embed`. */
export class PositionEmbedding {
  readonly #t: Tensor; // [n, D], as the other two
  readonly #h: Tensor;
  readonly #w: Tensor;
  readonly #prepared = new Map<string, Tensor>();

  constructor(weights: WeightBook) {
    this.#t = weights.get('pos_embed.t');
    this.#h = weights.get('pos_embed.h');
    this.#w = weights.get('pos_embed.w');
  }

  /** Computes a grid's positions once and keeps them for every `forward`. */
  prepare(grid: Grid): void {
    const key = grid.join();
    if (this.#prepared.has(key)) return;
    this.#prepared.set(key, keep(scope(this.#t.device, () => this.#compute(grid))));
  }

  /** The position of every token of a grid, [N, D], t-major, then h, then w. */
  forward(grid: Grid): Tensor {
    return observed('pos_embed', this.#prepared.get(grid.join()) ?? this.#compute(grid));
  }

  /** Releases what was prepared; the tables belong to the model's weights. */
  dispose(): void {
    for (const positions of this.#prepared.values()) positions.dispose();
    this.#prepared.clear();
  }

  #compute([T, H, W]: Grid): Tensor {
    const D = this.#t.shape[1]!;
    const t = rows(this.#t, T).reshape([T, 1, D]);
    const h = rows(this.#h, H).reshape([1, H, D]);
    const w = rows(this.#w, W).reshape([1, W, D]);
    const frames = add(t, h).reshape([T * H, 1, D]);
    return add(frames, w).reshape([T * H * W, D]);
  }
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
