// The public names of @moviegen/wan.

export {
  type AutoencoderLoadOptions,
  type CodeOptions,
  type CodeTiledOptions,
  type LatentParts,
  WanAutoencoder,
} from './autoencoder/autoencoder.ts';
export {
  autoencoderConfigs,
  parseAutoencoderConfig,
  type WanAutoencoderConfig,
} from './autoencoder/config.ts';
export { inferAutoencoderConfig } from './autoencoder/inferConfig.ts';
export { LatentDistribution } from './autoencoder/latents.ts';
export type { TileOptions } from './autoencoder/tiles.ts';
export type { AutoencoderPart } from './autoencoder/weights.ts';
