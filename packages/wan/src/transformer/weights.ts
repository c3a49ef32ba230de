// The weights of a Wan transformer by their names in diffusers: their shapes, how they load, which of them belong to a layer.
// Not here: the original repository's names.

import { type LayeredWeights, type Lora, loraChanges, type WeightOptions } from '@moviegen/tensor';
import { originalTransformerName } from '../layouts/transformerNames.ts';
import type { WanTransformerConfig } from './config.ts';

/**
 * Type on the device (weights and activations; sums, and what the blocks add to, are always in f32; default f32), a
 * format for the matrices of the blocks, progress and stop.
 */
export interface TransformerLoadOptions
  extends Pick<WeightOptions, 'dtype' | 'quantize' | 'onProgress' | 'signal'> {
  /** LoRAs to merge. */
  readonly loras?: readonly Lora[] | undefined;
}

type Shapes = Record<string, readonly number[]>;

/** Shape of every weight by its name in diffusers. */
export function weightShapes(config: WanTransformerConfig): Shapes {
  const { hiddenSize: D, ffnDim: F, inChannels, outChannels, textDim, freqDim, patchSize } = config;
  const { imageDim, posEmbedTokens } = config;
  const shapes: Shapes = {};
  const linear = (path: string, outputs: number, inputs: number) => {
    shapes[`${path}.weight`] = [outputs, inputs];
    shapes[`${path}.bias`] = [outputs];
  };
  const norm = (path: string, size: number) => {
    shapes[`${path}.weight`] = [size];
    shapes[`${path}.bias`] = [size];
  };
  shapes['patch_embedding.weight'] = [D, inChannels, ...patchSize];
  shapes['patch_embedding.bias'] = [D];
  const embedder = 'condition_embedder';
  linear(`${embedder}.time_embedder.linear_1`, D, freqDim);
  linear(`${embedder}.time_embedder.linear_2`, D, D);
  linear(`${embedder}.time_proj`, 6 * D, D);
  linear(`${embedder}.text_embedder.linear_1`, D, textDim);
  linear(`${embedder}.text_embedder.linear_2`, D, D);
  if (imageDim !== undefined) {
    const image = `${embedder}.image_embedder`;
    norm(`${image}.norm1`, imageDim);
    linear(`${image}.ff.net.0.proj`, imageDim, imageDim);
    linear(`${image}.ff.net.2`, D, imageDim);
    norm(`${image}.norm2`, D);
    if (posEmbedTokens !== undefined) shapes[`${image}.pos_embed`] = [1, posEmbedTokens, imageDim];
  }
  for (let i = 0; i < config.numLayers; i++) {
    const block = `blocks.${i}`;
    shapes[`${block}.scale_shift_table`] = [1, 6, D];
    for (const attention of ['attn1', 'attn2']) {
      for (const map of ['to_q', 'to_k', 'to_v', 'to_out.0']) linear(`${block}.${attention}.${map}`, D, D);
      for (const of of ['norm_q', 'norm_k']) shapes[`${block}.${attention}.${of}.weight`] = [D];
    }
    if (imageDim !== undefined) {
      for (const map of ['add_k_proj', 'add_v_proj']) linear(`${block}.attn2.${map}`, D, D);
      shapes[`${block}.attn2.norm_added_k.weight`] = [D];
    }
    norm(`${block}.norm2`, D);
    linear(`${block}.ffn.net.0.proj`, F, D);
    linear(`${block}.ffn.net.2`, D, F);
  }
  linear('proj_out', 4 * outChannels, D);
  shapes.scale_shift_table = [1, 2, D];
  return shapes;
}

/** What `loadWeights` is told of a transformer. */
export function weightOptions(
  config: WanTransformerConfig,
  { loras = [], ...options }: TransformerLoadOptions,
): WeightOptions {
  const changes =
    loras.length > 0 ? loraChanges(loras, weightShapes(config), originalTransformerName) : undefined;
  return { ...options, changes, linear: isLinearWeight, ignore: isUnused };
}

/** Weights that files hold and no model uses. */
const isUnused = (name: string): boolean => name.includes('norm_added_q');

/**
 * Whether a weight is a matrix of a linear layer that may be quantised: nearly all of the weights are. The matrices that
 * meet the latents, the text and the time on their way in or out may not: they are few, and used once per step or video.
 */
export const isLinearWeight = (name: string): boolean =>
  /^blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0|add_[kv]_proj)|ffn\.net\.(0\.proj|2))\.weight$/.test(name);

/** The weights by layer. The tables stay with the base, since the time is embedded for all layers at once. */
export function layeredWeights(config: WanTransformerConfig): LayeredWeights {
  const all = weightShapes(config);
  const picked = (wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
  const stays = (name: string) => !name.startsWith('blocks.') || name.endsWith('.scale_shift_table');
  const ofContext = (name: string) => /\.attn2\.(to_[kv]|norm_k|add_[kv]_proj|norm_added_k)\./.test(name);
  const inside = (i: number, name: string) => name.startsWith(`blocks.${i}.`) && !stays(name);
  return {
    model: 'wan',
    layers: config.numLayers,
    all,
    base: picked(stays),
    layer: (i) => picked((name) => inside(i, name) && !ofContext(name)),
    once: (i) => picked((name) => inside(i, name) && ofContext(name)),
    packs: (i) => [
      ['to_q', 'to_k', 'to_v'].map((map) => `blocks.${i}.attn1.${map}.weight`),
      [`blocks.${i}.ffn.net.0.proj.weight`],
      [`blocks.${i}.ffn.net.2.weight`],
    ],
  };
}
