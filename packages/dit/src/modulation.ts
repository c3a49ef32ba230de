// adaLN: what the flow's time does to every layer. One SiLU and linear D to 6D shared by all layers, plus a learned
// table a layer; all layers at once, so that a step costs a handful of small products.

import {
  add,
  cast,
  concat,
  linear,
  type Packed,
  permute,
  silu,
  slice,
  type Tensor,
  timestepEmbedding,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { Trace } from './trace.ts';

/** Shift, scale and gate of one branch of a layer; each [B, D], or [D] where the whole batch is at one time. */
export interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  readonly gate: Tensor;
}

/** The part of a modulation that is one batch item's; of all where `item` is undefined or they share one. */
export function modulationOf(all: Modulation, item: number | undefined): Modulation {
  if (item === undefined || all.shift.rank === 1) return all;
  const one = (values: Tensor) => rowOf(values, item);
  return { shift: one(all.shift), scale: one(all.scale), gate: one(all.gate) };
}

/** All that the time decides in one forward pass. */
export interface TimeModulations {
  /** A layer each: of self-attention and of the FFN. */
  readonly layers: readonly { readonly attend: Modulation; readonly feed: Modulation }[];
  /** Before the output head. */
  readonly final: Omit<Modulation, 'gate'>;
}

/** `t_embedder`, `adaln` and the tables. */
export class TimeModulation {
  private readonly hidden: Packed; // [D, sinusoid]
  private readonly out: Packed; // [D, D]
  private readonly adaLN: Packed; // [6D, D]
  private readonly tables: Tensor; // [layers, 6, 1, D]
  private readonly finalTable: Tensor; // [2, 1, D]

  constructor(
    private readonly weights: WeightBook,
    private readonly config: DiTConfig,
  ) {
    const { hiddenSize: D, numLayers } = config;
    this.hidden = weights.packed('t_embedder.0.weight');
    this.out = weights.packed('t_embedder.2.weight');
    this.adaLN = weights.packed('adaln.weight');
    const tables = Array.from({ length: numLayers }, (_, i) => `layers.${i}.adaln_table`);
    this.tables = weights.replaced(tables, (all) => concat(all, { axis: 0 }).reshape([numLayers, 6, 1, D]));
    this.finalTable = weights.replaced(['final_table'], ([table]) => table!.reshape([2, 1, D]));
  }

  /** @param t [B], f32. */
  forward(t: Tensor, trace?: Trace): TimeModulations {
    const { hiddenSize: D, numLayers, timestepDim } = this.config;
    const bias = (name: string) => this.weights.get(`${name}.bias`);
    const B = t.shape[0]!;

    const sinusoid = timestepEmbedding(t, { dim: timestepDim }); // [B, sinusoid]
    trace?.('timestep_embedding', sinusoid);
    const x = cast(sinusoid, this.tables.dtype);
    trace?.('t_embedder.0', linear(x, this.hidden, { bias: bias('t_embedder.0') }));
    const hidden = linear(x, this.hidden, { bias: bias('t_embedder.0'), activation: 'silu' }); // [B, D]
    trace?.('t_embedder.1', hidden);
    const time = linear(hidden, this.out, { bias: bias('t_embedder.2') }); // [B, D]
    trace?.('t_embedder.2', time);
    trace?.('t_embedder', time);
    const shared = linear(silu(time), this.adaLN, { bias: bias('adaln') }); // [B, 6D]
    trace?.('adaln', shared);

    const six = permute(shared.reshape([B, 6, D]), [1, 0, 2]).reshape([1, 6, B, D]);
    const all = add(this.tables, six).reshape([numLayers * 6, B * D]);
    const final = add(this.finalTable, time.reshape([1, B, D])).reshape([2, B * D]);
    const row = (rows: Tensor, i: number) => rowOf(rows, i).reshape(B === 1 ? [D] : [B, D]);
    const branch = (i: number): Modulation => ({
      shift: row(all, i),
      scale: row(all, i + 1),
      gate: row(all, i + 2),
    });
    return {
      layers: Array.from({ length: numLayers }, (_, i) => ({
        attend: branch(6 * i),
        feed: branch(6 * i + 3),
      })),
      final: { shift: row(final, 0), scale: row(final, 1) },
    };
  }
}

/** A row without a copy where the device can bind it so. */
function rowOf(rows: Tensor, i: number): Tensor {
  return rows.rows(i, i + 1) ?? slice(rows, { start: [i, 0], end: [i + 1, rows.shape[1]!] });
}
