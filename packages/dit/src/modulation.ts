// adaLN: how the flow's time modulates every block. One SiLU and linear map from D to 6D is shared by all blocks, and each block
// adds a learned table. All blocks are computed at once, so that a step costs only a few small products.

import {
  add,
  cast,
  concat,
  Linear,
  observed,
  permute,
  silu,
  slice,
  type Tensor,
  timestepEmbedding,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';

/** Shift, scale and gate of one branch of a block; each [B, D], or [D] where the whole batch is at one time. */
export interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  readonly gate: Tensor;
}

/** The modulation of one block; cross-attention has none. */
export interface BlockModulation {
  readonly attention: Modulation;
  readonly feedForward: Modulation;
}

/** The modulation of all blocks in one forward pass. */
export interface ModelModulation {
  /** One per block. */
  readonly blocks: readonly BlockModulation[];
  /** Before the output's linear map. */
  readonly final: Omit<Modulation, 'gate'>;
}

/** The modulation of one item of the batch; the whole modulation where `item` is undefined or all items share one. */
export function modulationOf(all: Modulation, item: number | undefined): Modulation {
  if (item === undefined || all.shift.rank === 1) return all;
  const one = (values: Tensor) => rowOf(values, item);
  return { shift: one(all.shift), scale: one(all.scale), gate: one(all.gate) };
}

/** `t_embedder`, `adaln` and the tables. */
export class TimeModulation {
  readonly #config: DiTConfig;
  readonly #hidden: Linear; // [D, sinusoid]
  readonly #time: Linear; // [D, D]
  readonly #adaLN: Linear; // [6D, D]
  readonly #tables: Tensor; // [blocks, 6, 1, D]
  readonly #finalTable: Tensor; // [2, 1, D]

  constructor(weights: WeightBook, config: DiTConfig) {
    const { hiddenSize: D, numLayers } = config;
    this.#config = config;
    this.#hidden = new Linear(weights, 't_embedder.0');
    this.#time = new Linear(weights, 't_embedder.2', 't_embedder');
    this.#adaLN = new Linear(weights, 'adaln');
    const tables = Array.from({ length: numLayers }, (_, i) => `layers.${i}.adaln_table`);
    this.#tables = weights.replaced(tables, (all) => concat(all, { axis: 0 }).reshape([numLayers, 6, 1, D]));
    this.#finalTable = weights.replaced(['final_table'], ([table]) => table!.reshape([2, 1, D]));
  }

  /** @param t [B], f32. @param task [B, D], what tasks add to the embedded time. */
  forward(t: Tensor, task?: Tensor): ModelModulation {
    const { hiddenSize: D, numLayers, timestepDim } = this.#config;
    const B = Math.max(t.shape[0]!, task?.shape[0] ?? 1);

    const sinusoid = observed('timestep_embedding', timestepEmbedding(t, { dim: timestepDim })); // [B, sinusoid]
    const x = cast(sinusoid, this.#tables.dtype);
    const hidden = observed('t_embedder.1', this.#hidden.forward(x, { activation: 'silu' })); // [B, D]
    const embedded = this.#time.forward(hidden);
    const time = task ? add(embedded, task) : embedded; // [B, D]
    const shared = this.#adaLN.forward(silu(time)); // [B, 6D]

    const six = permute(shared.reshape([B, 6, D]), [1, 0, 2]).reshape([1, 6, B, D]);
    const all = add(this.#tables, six).reshape([numLayers * 6, B * D]);
    const final = add(this.#finalTable, time.reshape([1, B, D])).reshape([2, B * D]);
    const row = (rows: Tensor, i: number) => rowOf(rows, i).reshape(B === 1 ? [D] : [B, D]);
    const branch = (i: number): Modulation => ({
      shift: row(all, i),
      scale: row(all, i + 1),
      gate: row(all, i + 2),
    });
    return {
      blocks: Array.from({ length: numLayers }, (_, i) => ({
        attention: branch(6 * i),
        feedForward: branch(6 * i + 3),
      })),
      final: { shift: row(final, 0), scale: row(final, 1) },
    };
  }
}

/** A row, without a copy where the device can bind it in place. */
function rowOf(rows: Tensor, i: number): Tensor {
  return rows.rows(i, i + 1) ?? slice(rows, { start: [i, 0], end: [i + 1, rows.shape[1]!] });
}
