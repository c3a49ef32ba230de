// Rotary positions: each pair of neighbours of a head is turned by its token's place along t, row or column. The tables are
// computed in f64 and applied in f32; a token's table has the cosine and the sine of each pair side by side.
//
// Legend: N tokens, d size of a head.

import { type Device, type Grid, keep, observe, Tensor } from '@moviegen/tensor';
import type { WanTransformerConfig } from './config.ts';

/** How many values of a head turn with t, row and column: rows and columns have 2 floor(d / 6) each, t the rest. */
export function axisSizes(headDim: number): readonly [t: number, h: number, w: number] {
  const side = 2 * Math.floor(headDim / 6);
  return [headDim - 2 * side, side, side];
}

/** The angle of pair k of an axis of n values at a position, in radians. */
export const angleOf = (position: number, k: number, n: number): number => position * 10000 ** ((-2 * k) / n);

/** The tables of all tokens of a grid, [N, d]: cos, sin of each pair; tokens t-major, then row, then column. */
export function rotaryTable(grid: Grid, headDim: number): Float32Array {
  const axes = axisSizes(headDim).map((n, axis) => {
    const table = new Float32Array(grid[axis]! * n);
    for (let at = 0; at < grid[axis]!; at++)
      for (let k = 0; k < n / 2; k++) {
        const angle = angleOf(at, k, n);
        table.set([Math.cos(angle), Math.sin(angle)], at * n + 2 * k);
      }
    return { n, table };
  });
  const [T, H, W] = grid;
  const out = new Float32Array(T * H * W * headDim);
  let end = 0;
  for (let t = 0; t < T; t++)
    for (let h = 0; h < H; h++)
      for (let w = 0; w < W; w++)
        for (const [axis, { n, table }] of axes.entries()) {
          const at = [t, h, w][axis]! * n;
          out.set(table.subarray(at, at + n), end);
          end += n;
        }
  return out;
}

/** The tables of the grids that a model meets. */
export class RotaryPositions {
  readonly #device: Device;
  readonly #config: WanTransformerConfig;
  readonly #prepared = new Map<string, Tensor>();

  constructor(device: Device, config: WanTransformerConfig) {
    this.#device = device;
    this.#config = config;
  }

  /** Computes a grid's table once and keeps it for every `forward`. */
  prepare(grid: Grid): void {
    const key = grid.join();
    if (!this.#prepared.has(key)) this.#prepared.set(key, keep(this.#compute(grid)));
  }

  /** @returns f32 [N, d]. @throws Error where the grid is longer than the model knows positions. */
  forward(grid: Grid): Tensor {
    for (const part of ['cos', 'sin'] as const) observe(`rope.${part}`, () => this.#doubled(grid, part));
    return this.#prepared.get(grid.join()) ?? this.#compute(grid);
  }

  /** Releases what was prepared. */
  dispose(): void {
    for (const table of this.#prepared.values()) table.dispose();
    this.#prepared.clear();
  }

  #compute(grid: Grid): Tensor {
    const { headDim, ropeMaxSeqLen } = this.#config;
    if (grid.some((length) => length > ropeMaxSeqLen))
      throw new Error(
        `wan: a grid of ${grid.join(' x ')} tokens is longer than ${ropeMaxSeqLen} along an axis`,
      );
    const table = rotaryTable(grid, headDim);
    return Tensor.from(this.#device, table, [table.length / headDim, headDim]);
  }

  /** What a trace gets: [1, N, 1, d], each cosine, or sine, twice. */
  #doubled(grid: Grid, part: 'cos' | 'sin'): Tensor {
    const { headDim } = this.#config;
    const table = rotaryTable(grid, headDim);
    const values = table.map((_, i) => table[i - (i % 2) + (part === 'cos' ? 0 : 1)]!);
    return Tensor.from(this.#device, values, [1, table.length / headDim, 1, headDim]);
  }
}
