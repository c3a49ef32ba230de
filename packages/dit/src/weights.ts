// The weights of a DiT by name, in the checkpoint's spelling (LLaMa's): their shapes, how they load, how many they are.

import { sizeOf } from '@moviegen/kernels';
import { type Lora, loraChanges, type WeightOptions } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import { TASK_TOKENS } from './task.ts';
import { TEXT_SOURCES } from './textStates.ts';

/**
 * Type on the device (weights and activations; sums, and what the blocks add to, are always in f32; default f32), a
 * format for the matrices of the blocks, progress and stop.
 */
export interface LoadOptions extends Pick<WeightOptions, 'dtype' | 'quantize' | 'onProgress' | 'signal'> {
  /** LoRAs to merge. */
  readonly loras?: readonly Lora[] | undefined;
}

/** Shape of every weight by its name in the checkpoint. */
export function weightShapes(config: DiTConfig): Record<string, readonly number[]> {
  const D = config.hiddenSize;
  const F = config.ffnHiddenSize;
  const patch = sizeOf(config.patchSize);
  const shapes: Record<string, readonly number[]> = {
    'patch_embed.weight': [D, config.inChannels, ...config.patchSize],
    'patch_embed.bias': [D],
    'pos_embed.t': [config.maxGrid[0], D],
    'pos_embed.h': [config.maxGrid[1], D],
    'pos_embed.w': [config.maxGrid[2], D],
    't_embedder.0.weight': [D, config.timestepDim],
    't_embedder.0.bias': [D],
    't_embedder.2.weight': [D, D],
    't_embedder.2.bias': [D],
    'adaln.weight': [6 * D, D],
    'adaln.bias': [6 * D],
  };
  for (const name of TEXT_SOURCES) {
    const width = config.textDims[name];
    if (width === undefined) continue;
    shapes[`text_proj.${name}.linear.weight`] = [D, width];
    for (const part of ['linear.bias', 'norm.weight', 'norm.bias']) shapes[`text_proj.${name}.${part}`] = [D];
  }
  if (config.tasks.length > 0) {
    shapes['task_embed.weight'] = [config.tasks.length + 1, D];
    shapes['task_tokens.weight'] = [TASK_TOKENS * D, D];
    shapes['task_tokens.bias'] = [TASK_TOKENS * D];
    shapes['task_time.weight'] = [D, D];
    shapes['task_time.bias'] = [D];
  }
  for (let i = 0; i < config.numLayers; i++) {
    const layer = `layers.${i}`;
    for (const attention of ['attention', 'cross_attention']) {
      shapes[`${layer}.${attention}_norm.weight`] = [D];
      for (const w of ['wq', 'wk', 'wv', 'wo']) shapes[`${layer}.${attention}.${w}.weight`] = [D, D];
    }
    shapes[`${layer}.ffn_norm.weight`] = [D];
    shapes[`${layer}.feed_forward.w1.weight`] = [F, D];
    shapes[`${layer}.feed_forward.w2.weight`] = [D, F];
    shapes[`${layer}.feed_forward.w3.weight`] = [F, D];
    shapes[`${layer}.adaln_table`] = [6, D];
  }
  shapes['norm.weight'] = [D];
  shapes.final_table = [2, D];
  shapes['output.weight'] = [patch * config.outChannels, D];
  shapes['output.bias'] = [patch * config.outChannels];
  return shapes;
}

/** What `loadWeights` is told of a DiT. */
export function weightOptions(config: DiTConfig, { loras = [], ...options }: LoadOptions): WeightOptions {
  const changes = loras.length > 0 ? loraChanges(loras, weightShapes(config)) : undefined;
  return { ...options, changes, linear: isLinearWeight };
}

/**
 * Whether a weight is a matrix of a linear layer that may be quantised: nearly all of the weights are. The matrices that
 * meet the latents, the text and the time on their way in or out may not: they are few, and used once per step or video.
 */
export const isLinearWeight = (name: string): boolean =>
  /^(layers\.\d+\.((cross_)?attention\.w[qkvo]|feed_forward\.w[123])|adaln)\.weight$/.test(name);
