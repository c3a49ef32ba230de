// The names and sizes of a DiT's adaLN (Movie Gen section 3.1.3); @moviegen/tensor computes it.

import { TimeModulation, type WeightBook } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';

/** `t_embedder`, `adaln` and the tables. The flow's time is from 0 to 1. */
export function timeModulation(weights: WeightBook, config: DiTConfig): TimeModulation {
  return new TimeModulation(weights, {
    hiddenSize: config.hiddenSize,
    timestepDim: config.timestepDim,
    scale: 1000,
    sinusoid: 'timestep_embedding',
    hidden: 't_embedder.0',
    activation: 't_embedder.1',
    time: 't_embedder.2',
    embedder: 't_embedder',
    adaLN: 'adaln',
    tables: Array.from({ length: config.numLayers }, (_, i) => `layers.${i}.adaln_table`),
    finalTable: 'final_table',
  });
}
