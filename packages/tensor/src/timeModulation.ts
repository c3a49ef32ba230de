// adaLN: how the time modulates every block of a diffusion transformer. One SiLU and linear map from D to 6D is shared by all
// blocks, and each block adds a learned table. All blocks are computed at once, so that a step costs only a few small
// products. Where the first tokens of every sample are at time 0, two rows are computed, and kernels choose between them.
//
// Legend: B batch, R rows of times, D model width.

import { Linear } from './layers.ts';
import { silu } from './ops/activations.ts';
import { add, mul } from './ops/arithmetic.ts';
import { cast } from './ops/cast.ts';
import { concat, permute, slice } from './ops/movement.ts';
import { timestepEmbedding } from './ops/timestepEmbedding.ts';
import type { Tensor } from './tensor.ts';
import { observed } from './trace.ts';
import type { WeightBook } from './weights/book.ts';

/**
 * Shift, scale and gate of one branch of a block; each [B, D], or [D] where the whole batch is at one time. With `early`
 * [B, 2, D] or [2, D]: that many tokens of each sample, the first ones, take the first row, and the others the second.
 */
export interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  readonly gate: Tensor;
  readonly early?: number | undefined;
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

/**
 * The modulation of `count` tokens from `start` on of one item of the batch; the whole modulation where `item` is undefined.
 */
export function modulationOf(
  all: Modulation,
  item: number | undefined,
  start: number,
  count: number,
): Modulation {
  if (item === undefined) return all;
  const early = all.early && Math.min(count, Math.max(0, all.early - start));
  const shared = all.shift.rank === (early === undefined ? 1 : 2);
  const one = (values: Tensor) => (shared ? values : rowOf(values, item).reshape(values.shape.slice(1)));
  return { shift: one(all.shift), scale: one(all.scale), gate: one(all.gate), early };
}

/** Names of the weights, in the checkpoint's spelling, and sizes. */
export interface TimeModulationOptions {
  /** D. */
  readonly hiddenSize: number;
  /** Width of the sinusoid. */
  readonly timestepDim: number;
  /** The factor of t. */
  readonly scale: number;
  /** What a trace calls the sinusoid, and the first map's activation. */
  readonly sinusoid: string;
  readonly activation?: string;
  /** The two linear maps, and the module that they make. */
  readonly hidden: string;
  readonly time: string;
  readonly embedder: string;
  /** The map to 6D. */
  readonly adaLN: string;
  /** The table of each block, [6, D], and the output's, [2, D]; an axis of 1 may come first. */
  readonly tables: readonly string[];
  readonly finalTable: string;
}

/** What modulates besides the time. */
export interface ModulationInputs {
  readonly early?: number | undefined;
  readonly task?: Tensor | undefined;
}

/** The time's embedding, the map that all blocks share, and the tables. */
export class TimeModulation {
  readonly #options: TimeModulationOptions;
  readonly #hidden: Linear; // [D, sinusoid]
  readonly #time: Linear; // [D, D]
  readonly #adaLN: Linear; // [6D, D]
  readonly #tables: Tensor; // [blocks, 6, 1, D]
  readonly #finalTable: Tensor; // [2, 1, D]

  constructor(weights: WeightBook, options: TimeModulationOptions) {
    const { hiddenSize: D, tables } = options;
    this.#options = options;
    this.#hidden = new Linear(weights, options.hidden);
    this.#time = new Linear(weights, options.time, options.embedder);
    this.#adaLN = new Linear(weights, options.adaLN);
    this.#tables = weights.replaced(tables, (all) =>
      concat(all, { axis: 0 }).reshape([tables.length, 6, 1, D]),
    );
    this.#finalTable = weights.replaced([options.finalTable], ([table]) => table!.reshape([2, 1, D]));
  }

  /**
   * The modulation of every layer at these times.
   * @param t [B], f32.
   * @param options `early`: how many tokens of each sample, from the first on, are at time 0 instead. Default: none, and one row.
   * `task`, of shape [B, D]: what tasks add to the embedded time; not together with `early`.
   */
  forward(t: Tensor, { early, task }: ModulationInputs = {}): ModelModulation {
    const { hiddenSize: D, tables, timestepDim: dim, scale, sinusoid, activation } = this.#options;
    const B = Math.max(t.shape[0]!, task?.shape[0] ?? 1);
    const times = early === undefined ? t : withZeros(t); // [R]
    const R = Math.max(times.shape[0]!, task?.shape[0] ?? 1);

    const waves = observed(sinusoid, timestepEmbedding(times, { dim, scale })); // [R, sinusoid]
    const x = cast(waves, this.#tables.dtype);
    const activated = this.#hidden.forward(x, { activation: 'silu' }); // [R, D]
    const hidden = activation === undefined ? activated : observed(activation, activated);
    const embedded = this.#time.forward(hidden);
    const time = task ? add(embedded, task) : embedded; // [R, D]
    const shared = this.#adaLN.forward(silu(time)); // [R, 6D]

    const six = permute(shared.reshape([R, 6, D]), [1, 0, 2]).reshape([1, 6, R, D]);
    const all = add(this.#tables, six).reshape([tables.length * 6, R * D]);
    const final = add(this.#finalTable, time.reshape([1, R, D])).reshape([2, R * D]);
    const shape = [...(B === 1 ? [] : [B]), ...(early === undefined ? [] : [2]), D];
    const row = (rows: Tensor, i: number) => rowOf(rows, i).reshape(shape);
    const branch = (i: number): Modulation => ({
      shift: row(all, i),
      scale: row(all, i + 1),
      gate: row(all, i + 2),
      early,
    });
    return {
      blocks: Array.from({ length: tables.length }, (_, i) => ({
        attention: branch(6 * i),
        feedForward: branch(6 * i + 3),
      })),
      final: { shift: row(final, 0), scale: row(final, 1), early },
    };
  }
}

/** [B] to [2B]: a zero before every time. */
function withZeros(t: Tensor): Tensor {
  const column = t.reshape([-1, 1]);
  return concat([mul(column, 0), column], { axis: 1 }).reshape([-1]);
}

/** A row, without a copy where the device can bind it in place. */
function rowOf(rows: Tensor, i: number): Tensor {
  return rows.rows(i, i + 1) ?? slice(rows, { start: [i], end: [i + 1] });
}
