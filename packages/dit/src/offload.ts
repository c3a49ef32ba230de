// A DiT larger than the device: which of its weights belong to which layer, and the blocks that are streamed. Not here: how
// layers are placed and streamed (@moviegen/tensor), the model (streamedDit.ts).

import {
  type LayeredWeights,
  type LayerStream,
  type Placement,
  placeWeights,
  type Tensor,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { keysValuesOf } from './block.ts';
import type { DiTConfig } from './config.ts';
import { weightShapes } from './weights.ts';

/**
 * Decides which layers stay, after a check that the source holds the whole model.
 * @param maxMemory bytes that the weights may take on the device
 * @throws WeightsError where the bound is too small even if no layer stays, or the source does not fit the model
 */
export function placeLayers(
  source: WeightSource,
  config: DiTConfig,
  options: WeightOptions,
  maxMemory: number,
): Placement {
  return placeWeights(source, layeredWeights(config), options, maxMemory);
}

/** The weights of a DiT by layer. The adaLN tables stay with the base, since the time is embedded for all layers at once. */
export function layeredWeights(config: DiTConfig): LayeredWeights {
  const all = weightShapes(config);
  const picked = (wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
  const stays = (name: string) => !name.startsWith('layers.') || name.endsWith('.adaln_table');
  const ofText = (name: string) => /\.cross_attention\.w[kv]\.weight$/.test(name);
  const inside = (i: number, name: string) => name.startsWith(`layers.${i}.`) && !stays(name);
  const named = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}.weight`);
  return {
    model: 'dit',
    layers: config.numLayers,
    all,
    base: picked(stays),
    layer: (i) => picked((name) => inside(i, name) && !ofText(name)),
    once: (i) => picked((name) => inside(i, name) && ofText(name)),
    packs: (i) => [
      named(`layers.${i}.attention`, ['wq', 'wk', 'wv']),
      named(`layers.${i}.feed_forward`, ['w1', 'w3']),
    ],
  };
}

/** The result of `DiTBlock.keysValues` for each of the streamed layers; the caller owns them. */
export function streamedKeysValues(
  stream: LayerStream,
  text: Tensor,
  signal?: AbortSignal,
): Promise<Tensor[]> {
  const made = (book: Parameters<typeof keysValuesOf>[0], i: number) => keysValuesOf(book, `layers.${i}`);
  return stream.once(made, (wkv) => wkv.forward(text), signal);
}
