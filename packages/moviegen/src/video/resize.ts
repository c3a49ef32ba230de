// Frames at another size: scaled to cover it, what is outside cut off evenly on both sides. Along each axis a value is the mean over
// its area where the picture shrinks, and bilinear, with half-pixel centres and edges repeated, where it grows.

import { InputError, shown } from '../errors.ts';
import { checkFrames, type Frames, frameOf } from './frames.ts';

/** For each value of an axis, the first value that it is made of, and the weights of that one and the next ones. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: readonly Float64Array[];
}

/** Frames scaled so that they cover a size, and cropped to its middle. @throws InputError where the size makes no sense */
export function resizeToCover(frames: Frames, height: number, width: number): Frames {
  const [T, H, W] = checkFrames(frames).shape;
  if (![height, width].every((side) => Number.isSafeInteger(side) && side > 0))
    throw new InputError(`resize: the size must be positive integers, got ${shown(width)}x${shown(height)}`);
  if (H === height && W === width) return frames;
  const scale = Math.max(height / H, width / W);
  const rows = tapsOf(H, height, scale);
  const columns = tapsOf(W, width, scale);
  const data = new Uint8Array(T * height * width * 3);
  const across = new Float64Array(H * width * 3);
  for (let k = 0; k < T; k++) {
    const from = frameOf(frames, k);
    for (let y = 0; y < H; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          const weights = columns.weights[x]!;
          const at = (y * W + columns.first[x]!) * 3 + c;
          for (let i = 0; i < weights.length; i++) sum += weights[i]! * from[at + 3 * i]!;
          across[(y * width + x) * 3 + c] = sum;
        }
    const line = width * 3;
    for (let y = 0; y < height; y++) {
      const weights = rows.weights[y]!;
      const at = rows.first[y]! * line;
      for (let i = 0; i < line; i++) {
        let sum = 0;
        for (let r = 0; r < weights.length; r++) sum += weights[r]! * across[at + r * line + i]!;
        data[(k * height + y) * line + i] = Math.round(sum);
      }
    }
  }
  return { data, shape: [T, height, width, 3] };
}

/** The taps of an axis of `from` values at `to` values, of a picture that is larger than those by `scale`, about its middle. */
function tapsOf(from: number, to: number, scale: number): Taps {
  const first = new Int32Array(to);
  const weights: Float64Array[] = [];
  const offset = (from * scale - to) / 2;
  for (let k = 0; k < to; k++) {
    const [begin, end] = [(k + offset) / scale, (k + 1 + offset) / scale];
    const own: number[] = [];
    if (scale < 1) {
      first[k] = Math.max(0, Math.floor(begin + 1e-9));
      for (let i = first[k]!; i < Math.min(from, end - 1e-9); i++)
        own.push((Math.min(i + 1, end) - Math.max(i, begin)) * scale);
    } else {
      const centre = Math.min(from - 1, Math.max(0, (begin + end) / 2 - 0.5));
      first[k] = Math.min(from - 1, Math.floor(centre));
      const share = centre - first[k]!;
      own.push(...(share > 0 && first[k]! + 1 < from ? [1 - share, share] : [1]));
    }
    const total = own.reduce((sum, weight) => sum + weight, 0);
    weights.push(Float64Array.from(own, (weight) => weight / total));
  }
  return { first, weights };
}
