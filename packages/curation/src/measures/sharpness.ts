// Brightness and sharpness of a frame, by luma at the file's own size: the mean, and the variance of the Laplacian. Ours: the
// paper names no such measure, and no filter uses them unless it is asked to.

import type { Luma } from './luma.ts';

/** What a frame looks like. */
export interface Appearance {
  /** Mean luma, 0 .. 255. */
  readonly brightness: number;
  /** Variance of the Laplacian (the sum of the four neighbours less four times the value). */
  readonly sharpness: number;
}

/** Measures a frame. */
export function appearanceOf({ data, height: H, width: W, stride, perStep }: Luma): Appearance {
  let total = 0;
  let [sum, squares] = [0, 0];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const at = y * stride + x;
      total += data[at]!;
      if (y === 0 || x === 0 || y === H - 1 || x === W - 1) continue;
      const laplacian =
        data[at - 1]! + data[at + 1]! + data[at - stride]! + data[at + stride]! - 4 * data[at]!;
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  const inner = Math.max(1, (H - 2) * (W - 2));
  return {
    brightness: total / (H * W * perStep),
    sharpness: (squares / inner - (sum / inner) ** 2) / perStep ** 2,
  };
}
