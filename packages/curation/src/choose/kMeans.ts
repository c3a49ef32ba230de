// Clusters of embeddings by k-means on the unit sphere, with a seed. Whether the paper's clusters were made so, and how many there
// were, is not known.

import { uniform } from '../measures/random.ts';

/** Clusters. */
export interface Clusters {
  /** The cluster of each embedding. */
  readonly of: Int32Array;
  /** Unit vectors. */
  readonly centroids: readonly Float64Array[];
}

const ROUNDS = 100;

/** A vector of length 1; a zero vector stays. */
export function unit(vector: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(vector);
  const length = Math.sqrt(dot(out, out));
  return length > 0 ? out.map((value) => value / length) : out;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Clusters by cosine. Centroids begin as k-means++ draws them.
 * @param embeddings of one length each.
 * @param k how many clusters; no more than there are different embeddings come out.
 */
export function kMeans(embeddings: readonly ArrayLike<number>[], k: number, seed: number): Clusters {
  const points = embeddings.map(unit);
  let centroids = beginnings(points, k, seed);
  const of = new Int32Array(points.length).fill(-1);
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    for (const [i, point] of points.entries()) {
      const nearest = nearestOf(point, centroids);
      if (nearest !== of[i]) moved = true;
      of[i] = nearest;
    }
    if (!moved) break;
    centroids = centroids.map((centroid, c) => {
      const own = points.filter((_, i) => of[i] === c);
      return own.length === 0 ? centroid : meanOf(own);
    });
  }
  return { of, centroids };
}

/** Merges clusters whose centroids have a cosine above a limit, through others too, and leaves out empty ones. */
export function mergeClusters(
  { of, centroids }: Clusters,
  embeddings: readonly ArrayLike<number>[],
  limit = 0.95,
): Clusters {
  const root = centroids.map((_, c) => c);
  const find = (c: number): number => (root[c] === c ? c : find(root[c]!));
  for (let a = 0; a < centroids.length; a++)
    for (let b = 0; b < a; b++) if (dot(centroids[a]!, centroids[b]!) > limit) root[find(a)] = find(b);
  const roots = [...new Set([...of].map(find))].sort((a, b) => a - b);
  const merged = Int32Array.from(of, (c) => roots.indexOf(find(c)));
  const points = embeddings.map(unit);
  return { of: merged, centroids: roots.map((_, c) => meanOf(points.filter((_, i) => merged[i] === c))) };
}

function beginnings(points: readonly Float64Array[], k: number, seed: number): Float64Array[] {
  const chosen: Float64Array[] = [];
  const distances = new Float64Array(points.length).fill(1);
  for (let c = 0; c < Math.min(k, points.length); c++) {
    const total = distances.reduce((sum, distance) => sum + distance, 0);
    if (total < 1e-12) break; // every point is a centroid
    let left = uniform(seed, 'concepts', c) * total;
    let next = distances.findLastIndex((distance) => distance > 0);
    for (let i = 0; i < points.length; i++) {
      left -= distances[i]!;
      if (left < 0 && distances[i]! > 0) {
        next = i;
        break;
      }
    }
    chosen.push(points[next]!);
    for (const [i, point] of points.entries()) {
      const distance = Math.max(0, 1 - dot(point, points[next]!));
      distances[i] = c === 0 ? distance : Math.min(distances[i]!, distance);
    }
  }
  return chosen;
}

function nearestOf(point: Float64Array, centroids: readonly Float64Array[]): number {
  let [best, nearest] = [Number.NEGATIVE_INFINITY, 0];
  for (const [c, centroid] of centroids.entries()) {
    const cosine = dot(point, centroid);
    if (cosine > best) [best, nearest] = [cosine, c];
  }
  return nearest;
}

function meanOf(points: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(points[0]?.length ?? 0);
  for (const point of points) for (let i = 0; i < sum.length; i++) sum[i]! += point[i]!;
  return unit(sum);
}
