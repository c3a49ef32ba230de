// T5's positions (Raffel et al. 2019, section 2.1): a learned number a head for the distance of query and key, added
// to the scores of every layer. Distances are gathered into buckets: exact near by, logarithmic farther off.

import { embedding, permute, Tensor } from '@moviegen/tensor';

/**
 * The bucket of a distance, for an encoder, which looks both ways: half of the buckets for keys before the query,
 * half for those after. It is computed in f32 as the original does, so that it also rounds as it does.
 * @param distance position of the key less that of the query
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

/** The numbers added to the scores of L queries and keys, [1, heads, L, L], from the table [buckets, heads]. */
export function positionBias(table: Tensor, L: number, maxDistance: number): Tensor {
  const [numBuckets = 0, heads = 0] = table.shape;
  const ofDistance = Uint32Array.from({ length: 2 * L - 1 }, (_, i) =>
    relativeBucket(i - (L - 1), numBuckets, maxDistance),
  );
  const buckets = new Uint32Array(L * L);
  for (let query = 0; query < L; query++) {
    const first = L - 1 - query;
    buckets.set(ofDistance.subarray(first, first + L), query * L);
  }
  const byPair = embedding(table, Tensor.from(table.device, buckets, [L, L])); // [L, L, heads]
  return permute(byPair, [2, 0, 1]).reshape([1, heads, L, L]);
}
