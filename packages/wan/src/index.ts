// The public names of @moviegen/wan.

export {
  type AutoencoderLoadOptions,
  type CodeOptions,
  type CodeTiledOptions,
  WanAutoencoder,
} from './autoencoder/autoencoder.ts';
export {
  autoencoderConfigJson,
  autoencoderConfigs,
  parseAutoencoderConfig,
  spatialFactor,
  type WanAutoencoderConfig,
} from './autoencoder/config.ts';
export { inferAutoencoderConfig } from './autoencoder/inferConfig.ts';
export { LatentDistribution } from './autoencoder/latents.ts';
export type { LatentParts } from './autoencoder/streams.ts';
export type { TileOptions } from './autoencoder/tiles.ts';
export type { AutoencoderPart } from './autoencoder/weights.ts';
export { autoencoderNames, autoencoderSource } from './layouts/autoencoderNames.ts';
export { originalTransformerName, transformerName, transformerSource } from './layouts/transformerNames.ts';
export type { WanConditions } from './transformer/conditions.ts';
export {
  inferTransformerConfig,
  parseTransformerConfig,
  transformerConfigJson,
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
