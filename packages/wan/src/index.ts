// The public names of @moviegen/wan.

export type { WanConditions } from './transformer/conditions.ts';
export {
  inferTransformerConfig,
  parseTransformerConfig,
  transformerConfigs,
  type WanTransformerConfig,
} from './transformer/config.ts';
export type { BlockContext, WanContext } from './transformer/context.ts';
export type { WanForwardAsyncOptions, WanForwardOptions } from './transformer/ends.ts';
export {
  type BoundedTransformerLoadOptions,
  loadWanTransformer,
  placeTransformerLayers,
} from './transformer/loadTransformer.ts';
export { StreamedWanTransformer } from './transformer/streamedTransformer.ts';
export { WanTransformer } from './transformer/transformer.ts';
export { isLinearWeight, type TransformerLoadOptions } from './transformer/weights.ts';
