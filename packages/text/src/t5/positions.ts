// T5's positions (Raffel et al. 2019, section 2.1): one learned number per head for the distance of query and key, added
// to the scores of every layer. Distances are gathered into buckets: exact for near tokens, logarithmic for far ones.

import { embedding, observed, permute, Tensor, type WeightBook } from '@moviegen/tensor';
import type { T5Config } from './config.ts';

/**
 * The bucket of a distance, for an encoder, which looks both ways: half of the buckets for keys before the query,
 * half for keys after it. It is computed in f32 as in the original, so that it rounds in the same way.
 * @param distance position of the key less the position of the query
 */
export function relativeBucket(distance: number, numBuckets: number, maxDistance: number): number {
  const half = Math.floor(numBuckets / 2);
  const exact = Math.floor(half / 2);
  const side = distance > 0 ? half : 0;
  const far = Math.abs(distance);
  if (far < exact) return side + far;
  const logarithm = Math.fround(Math.log(Math.fround(far / exact)));
  const share = Math.fround(logarithm / Math.fround(Math.log(maxDistance / exact)));
  const beyond = Math.trunc(Math.fround(share * (half - exact)));
  return side + Math.min(exact + beyond, half - 1);
}

/** The table of the first layer, which all layers share. */
export class PositionBias {
  readonly #table: Tensor; // [buckets, heads]
  readonly #maxDistance: number;

  constructor(weights: WeightBook, { maxDistance }: T5Config) {
    this.#table = weights.get('encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight');
    this.#maxDistance = maxDistance;
  }

  /** The numbers added to the scores of L queries and keys, [1, heads, L, L]. */
  forward(L: number): Tensor {
    const [numBuckets = 0, heads = 0] = this.#table.shape;
    const ofDistance = Uint32Array.from({ length: 2 * L - 1 }, (_, i) =>
      relativeBucket(i - (L - 1), numBuckets, this.#maxDistance),
    );
    const buckets = new Uint32Array(L * L);
    for (let query = 0; query < L; query++) {
      const first = L - 1 - query;
      buckets.set(ofDistance.subarray(first, first + L), query * L);
    }
    const byPair = embedding(this.#table, Tensor.from(this.#table.device, buckets, [L, L])); // [L, L, heads]
    const bias = observed('position_bias', permute(byPair, [2, 0, 1])); // [heads, L, L]
    return bias.reshape([1, heads, L, L]);
  }
}
