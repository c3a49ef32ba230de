// The configs of a Wan checkpoint's models, held against one another, and what its index and scheduler say where it has none.

import type { T5Config } from '@moviegen/text';
import type { WanAutoencoderConfig, WanTransformerConfig } from '@moviegen/wan';
import { CheckpointError } from '../../errors.ts';
import type { WanIndex } from './modelIndex.ts';

/** The parsed configs of a checkpoint. */
export interface WanConfigs {
  /** One, or of two experts. */
  readonly transformers: readonly WanTransformerConfig[];
  readonly vae: WanAutoencoderConfig;
  /** Undefined where the text encoder is left alone. */
  readonly textEncoder: T5Config | undefined;
}

/** What sampling depends on in an index. */
export type WanSwitches = Pick<WanIndex, 'boundaryRatio' | 'expandTimesteps'>;

/** Latent channels of Wan 2.2 TI2V, whose tokens have their own times. */
const TI2V_CHANNELS = 48;

/** What an index would say of these models: the authors' values. */
export function switchesOf({ transformers: [first, second] }: Pick<WanConfigs, 'transformers'>): WanSwitches {
  const fromImage = first!.inChannels !== first!.outChannels;
  return {
    boundaryRatio: second === undefined ? undefined : fromImage ? 0.9 : 0.875,
    expandTimesteps: first!.outChannels === TI2V_CHANNELS,
  };
}

/** The scheduler of diffusers' files of these models. */
export const schedulerOf = ({ transformers: [first] }: Pick<WanConfigs, 'transformers'>) => ({
  _class_name: 'UniPCMultistepScheduler',
  use_flow_sigmas: true,
  prediction_type: 'flow_prediction',
  flow_shift: first!.outChannels === TI2V_CHANNELS ? 5 : first!.posEmbedTokens === undefined ? 3 : 16,
});

/** @throws CheckpointError where configs do not fit one another */
export function checkConfigs({ transformers, vae, textEncoder }: WanConfigs, hasImageTower: boolean): void {
  for (const [i, { outChannels, textDim, imageDim }] of transformers.entries()) {
    const name = i === 0 ? 'transformer' : 'transformer_2';
    if (outChannels !== vae.zDim)
      throw new CheckpointError(
        `checkpoint: the ${name} makes latents of ${outChannels} channels and the autoencoder's have ${vae.zDim}: ` +
          'the autoencoder of Wan 2.1 has 16, that of Wan 2.2 TI2V 48',
      );
    if (textEncoder && textDim !== textEncoder.hiddenSize)
      throw new CheckpointError(
        `checkpoint: the ${name} reads text of width ${textDim}, but the encoder gives ${textEncoder.hiddenSize}`,
      );
    if (imageDim !== undefined && !hasImageTower)
      throw new CheckpointError(
        `checkpoint: the ${name} reads a CLIP image tower, and there is no image_encoder: take the folder that diffusers lays out`,
      );
  }
}
