// Latents as small pictures, to watch while a video is made: a linear map makes one pixel of each position of the latent. The
// pictures show what goes where; they do not replace the autoencoder's decoder.

import type { Frames } from '../video/frames.ts';
import type { Latents } from './latents.ts';

/** A linear map from a latent's C channels to RGB in [-1, 1]: `rgb = weights z + bias`. */
export interface LatentProjection {
  /** [3, C]. */
  readonly weights: Float64Array;
  /** [3]. */
  readonly bias: Float64Array;
}

/** Pictures of latents: [T, H, W, 3], one pixel per position. */
export function projectLatents({ data, shape: [C, T, H, W] }: Latents, projection: LatentProjection): Frames {
  const plane = T * H * W;
  const pixels = new Uint8Array(plane * 3);
  for (let at = 0; at < plane; at++)
    for (let channel = 0; channel < 3; channel++) {
      let value = projection.bias[channel]!;
      for (let c = 0; c < C; c++) value += projection.weights[channel * C + c]! * data[c * plane + at]!;
      pixels[at * 3 + channel] = Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);
    }
  return { data: pixels, shape: [T, H, W, 3] };
}

/**
 * The least-squares projection from known latents to their known colours. A small ridge term keeps the weights of channels
 * that do not depend on colour small.
 * @param colours [positions, 3] in [-1, 1], in the order of the latents' positions.
 */
export function fitProjection(
  { data, shape: [C, T, H, W] }: Latents,
  colours: ArrayLike<number>,
): LatentProjection {
  const plane = T * H * W;
  const n = C + 1; // the last column is the bias
  const value = (at: number, c: number) => (c === C ? 1 : data[c * plane + at]!);
  const normal = Array.from({ length: n }, () => new Float64Array(n + 3)); // [X'X + ridge | X'Y]
  for (let at = 0; at < plane; at++)
    for (let i = 0; i < n; i++) {
      const row = normal[i]!;
      for (let j = 0; j < n; j++) row[j]! += value(at, i) * value(at, j);
      for (let channel = 0; channel < 3; channel++)
        row[n + channel]! += value(at, i) * colours[at * 3 + channel]!;
    }
  for (let i = 0; i < C; i++) normal[i]![i]! += 1e-2 * plane;
  const solution = solve(normal, n);
  const weights = new Float64Array(3 * C);
  for (let channel = 0; channel < 3; channel++)
    for (let c = 0; c < C; c++) weights[channel * C + c] = solution[c]![channel]!;
  return { weights, bias: Float64Array.from(solution[C]!) };
}

/** Solves a symmetric positive definite system by elimination, in place. @param rows [n, n + 3] */
function solve(rows: Float64Array[], n: number): Float64Array[] {
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]!;
    const scale = 1 / pivot[i]!;
    for (let j = i; j < n + 3; j++) pivot[j]! *= scale;
    for (const [k, row] of rows.entries()) {
      const factor = row[i]!;
      if (k !== i) for (let j = i; j < n + 3; j++) row[j]! -= factor * pivot[j]!;
    }
  }
  return rows.map((row) => row.subarray(n));
}
