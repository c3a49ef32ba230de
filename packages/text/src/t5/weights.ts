// How the weights of a T5 encoder are loaded, whole or layer by layer: the name of its token table, types, what goes unread.

import type { WeightOptions, WeightSource } from '@moviegen/tensor';
import { isLinearWeight } from '../linearWeights.ts';
import { EMBEDDING_NAMES, type T5Config } from './config.ts';

/** The name under which a file holds the token table. */
export function embeddingName(source: WeightSource): (typeof EMBEDDING_NAMES)[number] {
  const names = new Set(source.names());
  const [shared, tokens] = EMBEDDING_NAMES;
  return !names.has(shared) && names.has(tokens) ? tokens : shared;
}

/**
 * The caller's options with those of all T5 encoders. The product of gate and value, which leaves the range of f16, meets `wo`,
 * so both stay f32, as in transformers; swiglu's kernel gives halves.
 */
export function t5WeightOptions<Options extends WeightOptions>(
  { gated, activation }: T5Config,
  options: Options,
): Options & WeightOptions {
  return {
    ...options,
    linear: isLinearWeight,
    inF32: (name) => gated && activation !== 'silu' && name.endsWith('.DenseReluDense.wo.weight'),
    ignore: (name) =>
      name === EMBEDDING_NAMES[1] || name.startsWith('decoder.') || name.startsWith('lm_head.'),
  };
}
