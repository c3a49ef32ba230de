// T5's positions (Raffel et al. 2019, section 2.1): one learned number per head for the distance of query and key, added
// to the scores: the same in every layer, or in umT5 another per layer. Distances are gathered into buckets: exact for near tokens, logarithmic for far ones.

import { type Device, embedding, observed, permute, Tensor, type WeightBook } from '@moviegen/tensor';
import { positionBiasName, type T5Config } from './config.ts';

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

/** The bucket of every pair of L queries and L keys, [L, L], u32. */
export function pairBuckets(device: Device, L: number, { numBuckets, maxDistance }: T5Config): Tensor {
  const ofDistance = Uint32Array.from({ length: 2 * L - 1 }, (_, i) =>
    relativeBucket(i - (L - 1), numBuckets, maxDistance),
  );
  const buckets = new Uint32Array(L * L);
  for (let query = 0; query < L; query++) {
    const first = L - 1 - query;
    buckets.set(ofDistance.subarray(first, first + L), query * L);
  }
  return Tensor.from(device, buckets, [L, L]);
}

/** The table of one layer: its own, or the first layer's, which all share. */
export class PositionBias {
  readonly #name: string;
  readonly #table: Tensor; // [buckets, heads]

  /** @param name under which the biases are reported. */
  constructor(weights: WeightBook, layer: number, name: string) {
    this.#name = name;
    this.#table = weights.get(positionBiasName(layer));
  }

  /** The numbers added to the scores of the pairs, buckets [L, L] -> [1, heads, L, L]. */
  forward(buckets: Tensor): Tensor {
    const L = buckets.shape[0]!;
    const byPair = embedding(this.#table, buckets); // [L, L, heads]
    const bias = observed(this.#name, permute(byPair, [2, 0, 1])); // [heads, L, L]
    return bias.reshape([1, bias.shape[0]!, L, L]);
  }
}
