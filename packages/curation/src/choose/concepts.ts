// Balance of concepts: clips are clustered by their embeddings, near-duplicate clusters merged, and a clip of a cluster of n is kept
// with probability min(1, a / sqrt(n)), so that common concepts are thinned more than rare ones. Embeddings come from outside: an
// image tower (CLIP's), through the interface here.

import type { Frames } from 'moviegen';
import { uniform } from '../measures/random.ts';
import type { Judged } from './candidate.ts';
import { kMeans, mergeClusters, unit } from './kMeans.ts';

/** What gives embeddings of pictures: `ImageModel` of moviegen, or anything like it. */
export interface ImageEmbedder {
  /** One embedding per frame. */
  embed(frames: Frames): Promise<readonly ArrayLike<number>[]>;
}

/** Options of balancing. */
export interface ConceptOptions {
  /** How many clips are wanted in the end; undefined keeps all and only names their clusters. */
  readonly total?: number | undefined;
  /** How many clusters are looked for; default: the square root of the number of clips. [ours] */
  readonly clusters?: number | undefined;
  readonly seed: number;
}

/** The embedding of a clip: the mean of its frames', each of length 1. */
export function clipEmbedding(frames: readonly ArrayLike<number>[]): Float64Array {
  const units = frames.map(unit);
  return unit(Float64Array.from(units[0] ?? [], (_, i) => units.reduce((sum, one) => sum + one[i]!, 0)));
}

/**
 * The factor a for a wanted total: sum over clusters of n min(1, a / sqrt(n)) = total, by bisection.
 * @returns infinity where all are wanted.
 */
export function factorFor(sizes: readonly number[], total: number): number {
  const all = sizes.reduce((sum, n) => sum + n, 0);
  if (total >= all) return Number.POSITIVE_INFINITY;
  const expected = (a: number) => sizes.reduce((sum, n) => sum + n * keptShare(n, a), 0);
  let [low, high] = [0, Math.sqrt(Math.max(...sizes))];
  for (let round = 0; round < 100; round++) {
    const middle = (low + high) / 2;
    if (expected(middle) < total) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability with which a clip of a cluster of `n` is kept. */
export const keptShare = (n: number, a: number): number => Math.min(1, a / Math.sqrt(n));

/**
 * Thins clips of common concepts, among clips that were kept so far.
 * @param embeddings by clip; clips without one are left alone.
 * @returns the size of each cluster before thinning
 */
export function refuseByConcepts(
  judged: readonly Judged[],
  embeddings: ReadonlyMap<Judged, ArrayLike<number>>,
  { total, clusters, seed }: ConceptOptions,
): number[] {
  const clips = judged.filter((one) => one.refusal === undefined && embeddings.has(one));
  if (clips.length === 0) return [];
  const vectors = clips.map((one) => embeddings.get(one)!);
  const count = clusters ?? Math.ceil(Math.sqrt(clips.length));
  const { of, centroids } = mergeClusters(kMeans(vectors, count, seed), vectors);
  const sizes = centroids.map((_, c) => of.filter((own) => own === c).length);
  if (total === undefined) return sizes;
  const a = factorFor(sizes, total);
  for (const [i, one] of clips.entries()) {
    const n = sizes[of[i]!]!;
    if (uniform(seed, 'resampling', i) < keptShare(n, a)) continue;
    const share = Number(keptShare(n, a).toPrecision(3));
    one.refusal = { filter: 'concepts', reason: `thinned: ${share} of ${n} clips of its concept are kept` };
  }
  return sizes;
}
