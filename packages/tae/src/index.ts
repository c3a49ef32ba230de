// @moviegen/tae: the temporal autoencoder of Movie Gen, video to latent and back, and its losses.

export type { Trace } from '@moviegen/tensor';
export { compression, isImageConfig, parseConfig, type TAEConfig } from './config.ts';
export type { LatentParts } from './decodeTiles.ts';
export { type InferredConfig, inferConfig } from './inferConfig.ts';
export { inflate } from './inflate.ts';
export { klLoss, outlierPenaltyLoss, reconstructionLoss } from './losses.ts';
export type { Posterior } from './posterior.ts';
export { type DecodeOptions, type EncodeOptions, type LoadOptions, TAE } from './tae.ts';
export type { TileOptions } from './tiling.ts';
export { weightShapes } from './weights.ts';
