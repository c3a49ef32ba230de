// A DiT within a bound on memory: whole on the device where it fits, else with its last layers streamed.

import type { Device, WeightSource } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import { DiT } from './dit.ts';
import { placeLayers } from './offload.ts';
import { StreamedDiT } from './streamedDit.ts';
import { type LoadOptions, weightOptions } from './weights.ts';

/** A model of the velocity: recorded and replayed where all of it is on the device, else run layer by layer. */
export type VelocityModel = DiT | StreamedDiT;

/** Options of {@link loadDiT}. */
export interface BoundedLoadOptions extends LoadOptions {
  /**
   * Bytes that the weights may take on the device; activations come on top. Where the model needs more, its last layers
   * are streamed at every step: the source must stay open, and a layer passes through host memory. The results are the
   * same. Default: no bound.
   */
  readonly maxMemory?: number | undefined;
}

/**
 * Loads a DiT, as a whole or with its last layers streamed.
 * @throws WeightsError where the bound is too small for a layer, or listing all weights that are missing, extra or
 *   misshapen.
 */
export async function loadDiT(
  device: Device,
  source: WeightSource,
  config: DiTConfig,
  { maxMemory, ...options }: BoundedLoadOptions = {},
): Promise<VelocityModel> {
  if (maxMemory === undefined) return DiT.load(device, source, config, options);
  const { resident } = placeLayers(source, config, weightOptions(config, options), maxMemory);
  if (resident === config.numLayers) return DiT.load(device, source, config, options);
  return StreamedDiT.load(device, source, config, { ...options, resident });
}
