// The public names of @moviegen/wan.

export {
  type AutoencoderLoadOptions,
  type CodeOptions,
  type CodeTiledOptions,
  WanAutoencoder,
} from './autoencoder/autoencoder.ts';
export {
  autoencoderConfigs,
  parseAutoencoderConfig,
  type WanAutoencoderConfig,
} from './autoencoder/config.ts';
export { inferAutoencoderConfig } from './autoencoder/inferConfig.ts';
export { LatentDistribution } from './autoencoder/latents.ts';
export type { LatentParts } from './autoencoder/streams.ts';
export type { TileOptions } from './autoencoder/tiles.ts';
export type { AutoencoderPart } from './autoencoder/weights.ts';
