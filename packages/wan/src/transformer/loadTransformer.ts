// A transformer within a bound on memory: whole on the device where it fits, else with its last layers streamed.

import { type Device, type Placement, placeWeights, type WeightSource } from '@moviegen/tensor';
import type { WanTransformerConfig } from './config.ts';
import { StreamedWanTransformer } from './streamedTransformer.ts';
import { WanTransformer } from './transformer.ts';
import { layeredWeights, type TransformerLoadOptions, weightOptions } from './weights.ts';

/** Options of {@link loadWanTransformer}. */
export interface BoundedTransformerLoadOptions extends TransformerLoadOptions {
  /**
   * Bytes that the weights may take on the device; activations come on top. Where the model needs more, its last layers
   * are streamed at every step: the source must stay open, and a layer passes through host memory. The results are the
   * same. Default: no bound.
   */
  readonly maxMemory?: number | undefined;
}

/**
 * Loads a transformer, as a whole or with its last layers streamed.
 * @param source holds the weights under diffusers' names.
 * @throws WeightsError where the bound is too small for a layer, or listing all weights that are missing, extra or
 *   misshapen.
 */
export async function loadWanTransformer(
  device: Device,
  source: WeightSource,
  config: WanTransformerConfig,
  { maxMemory, ...options }: BoundedTransformerLoadOptions = {},
): Promise<WanTransformer | StreamedWanTransformer> {
  if (maxMemory === undefined) return WanTransformer.load(device, source, config, options);
  const { resident } = placeTransformerLayers(source, config, options, maxMemory);
  if (resident === config.numLayers) return WanTransformer.load(device, source, config, options);
  return StreamedWanTransformer.load(device, source, config, { ...options, resident });
}

/**
 * Decides which layers stay on the device, after a check that the source holds the whole model.
 * @param maxMemory bytes that the weights may take on the device. Default: no bound, for the check alone
 * @throws WeightsError where the bound is too small even if no layer stays, or the source does not fit the model
 */
export function placeTransformerLayers(
  source: WeightSource,
  config: WanTransformerConfig,
  options: TransformerLoadOptions,
  maxMemory = Number.POSITIVE_INFINITY,
): Placement {
  return placeWeights(source, layeredWeights(config), weightOptions(config, options), maxMemory);
}
