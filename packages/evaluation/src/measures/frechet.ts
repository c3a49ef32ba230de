// How near one set of videos is to another: the Frechet distance between Gaussians fitted to features of an encoder. The
// features come from our autoencoder, not from an Inception network, so the figures cannot be compared with published FID or FVD.

import type { TAE } from '@moviegen/tae';
import { mean, mul, scope, sub, type Tensor } from '@moviegen/tensor';

/** Mean and covariance of features. */
export interface FeatureStatistics {
  /** How many videos. */
  readonly count: number;
  /** [F] */
  readonly mean: Float64Array;
  /** [F, F], the unbiased estimate. */
  readonly covariance: Float64Array;
}

/**
 * Features of videos: mean and standard deviation of each channel of the latent over time and space.
 * @param video [B, 3, T, H, W] in [-1, 1].
 * @returns for each video 2C numbers: the means, then the deviations.
 */
export async function encoderFeatures(tae: Pick<TAE, 'encode'>, video: Tensor): Promise<Float64Array[]> {
  const moments = scope(video.device, () => {
    const z = tae.encode(video).mean; // [B, C, T, H, W]
    const axes = [2, 3, 4];
    const centre = mean(z, { axes, keepDims: true });
    const away = sub(z, centre);
    return { means: centre, squares: mean(mul(away, away), { axes, keepDims: true }) };
  });
  const [B, C] = moments.means.shape as [number, number];
  const [means, squares] = await Promise.all([moments.means.read(), moments.squares.read()]);
  moments.means.dispose();
  moments.squares.dispose();
  return Array.from({ length: B }, (_, b) => {
    const own = (values: ArrayLike<number>) => Array.from({ length: C }, (_, c) => values[b * C + c]!);
    return Float64Array.from([...own(means), ...own(squares).map(Math.sqrt)]);
  });
}

/**
 * Fits a Gaussian to features.
 * @throws RangeError for fewer than two videos, or features of different lengths.
 */
export function featureStatistics(features: readonly ArrayLike<number>[]): FeatureStatistics {
  const count = features.length;
  const F = features[0]?.length ?? 0;
  if (count < 2) throw new RangeError(`featureStatistics: expected at least 2 videos, got ${count}`);
  const other = features.find((each) => each.length !== F);
  if (other)
    throw new RangeError(`featureStatistics: features differ in length: got ${F} and ${other.length}`);
  const centre = new Float64Array(F);
  for (const each of features) for (let i = 0; i < F; i++) centre[i]! += each[i]! / count;
  const covariance = new Float64Array(F * F);
  for (const each of features)
    for (let i = 0; i < F; i++)
      for (let j = 0; j < F; j++)
        covariance[i * F + j]! += ((each[i]! - centre[i]!) * (each[j]! - centre[j]!)) / (count - 1);
  return { count, mean: centre, covariance };
}

/**
 * `|m_a - m_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2))` (Dowson and Landau 1982; Heusel et al. 2017 for FID).
 * @throws RangeError where the features' lengths differ.
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const F = a.mean.length;
  if (b.mean.length !== F)
    throw new RangeError(`frechetDistance: features differ in length: got ${F} and ${b.mean.length}`);
  let total = 0;
  for (let i = 0; i < F; i++) {
    total += (a.mean[i]! - b.mean[i]!) ** 2;
    total += a.covariance[i * F + i]! + b.covariance[i * F + i]!;
  }
  // S_a S_b has the eigenvalues of the symmetric S_a^(1/2) S_b S_a^(1/2).
  const root = squareRoot(a.covariance, F);
  const { values } = eigen(product(product(root, b.covariance, F), root, F), F);
  return Math.max(0, total - 2 * values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0));
}

/** The square root of a symmetric positive semi-definite matrix. */
function squareRoot(matrix: Float64Array, n: number): Float64Array {
  const { values, vectors } = eigen(matrix, n);
  const out = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const root = Math.sqrt(Math.max(0, values[k]!));
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) out[i * n + j]! += root * vectors[i * n + k]! * vectors[j * n + k]!;
  }
  return out;
}

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) out[i * n + j]! += a[i * n + k]! * b[k * n + j]!;
  return out;
}

/** Eigenvalues and eigenvectors (columns) of a symmetric matrix, by cyclic Jacobi rotations. */
function eigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const size = Math.hypot(...a);
  for (let sweep = 0; sweep < 64; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a[i * n + j]! ** 2;
    if (Math.sqrt(off) <= 1e-14 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}

/** Rotates in the plane of p and q so that a[p, q] becomes 0. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  const turn = (m: Float64Array, i: number, j: number) => {
    const [x, y] = [m[i]!, m[j]!];
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  };
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) turn(vectors, k * n + p, k * n + q);
}

/**
 * The same features of latents that are on the host.
 * @param shape [C, T, H, W]
 */
export function latentFeatures(data: ArrayLike<number>, [C, T, H, W]: readonly number[]): Float64Array {
  const size = T! * H! * W!;
  const out = new Float64Array(2 * C!);
  for (let c = 0; c < C!; c++) {
    let [sum, squares] = [0, 0];
    for (let i = c * size; i < (c + 1) * size; i++) sum += data[i]!;
    const centre = sum / size;
    for (let i = c * size; i < (c + 1) * size; i++) squares += (data[i]! - centre) ** 2;
    out[c] = centre;
    out[C! + c] = Math.sqrt(squares / size);
  }
  return out;
}
