// Frames at a larger size by bilinear interpolation, as the upsampler takes them: half-pixel centres, edges clamped, no
// antialiasing, since it only enlarges; then the edge repeated until the autoencoder can take the size.

import type { Frames } from './frames.ts';

/** A size, and the larger one that it is padded to at the bottom and on the right. */
export interface EnlargedSize {
  readonly width: number;
  readonly height: number;
  readonly paddedWidth: number;
  readonly paddedHeight: number;
}

/** Frame k, [3, paddedHeight, paddedWidth] in [-1, 1]. */
export function enlarged(
  { data, shape: [, H, W] }: Frames,
  k: number,
  { width, height, paddedWidth, paddedHeight }: EnlargedSize,
): Float32Array<ArrayBuffer> {
  const rows = samples(H, height, paddedHeight);
  const columns = samples(W, width, paddedWidth);
  const [from, plane] = [k * H * W * 3, paddedHeight * paddedWidth];
  const result = new Float32Array(3 * plane);
  for (let y = 0, at = 0; y < paddedHeight; y++) {
    const [top, bottom, down] = [from + rows.low[y]! * W * 3, from + rows.high[y]! * W * 3, rows.share[y]!];
    for (let x = 0; x < paddedWidth; x++, at++) {
      const [left, right, over] = [columns.low[x]! * 3, columns.high[x]! * 3, columns.share[x]!];
      for (let c = 0; c < 3; c++) {
        const above = data[top + left + c]! * (1 - over) + data[top + right + c]! * over;
        const below = data[bottom + left + c]! * (1 - over) + data[bottom + right + c]! * over;
        result[c * plane + at] = (above * (1 - down) + below * down) / 127.5 - 1;
      }
    }
  }
  return result;
}

/** The whole video at a larger size, in bytes. */
export function enlargedFrames(video: Frames, width: number, height: number): Frames {
  const [T] = video.shape;
  const plane = width * height;
  const data = new Uint8Array(T * plane * 3);
  for (let k = 0; k < T; k++) {
    const pixels = enlarged(video, k, { width, height, paddedWidth: width, paddedHeight: height });
    for (const [i, value] of pixels.entries())
      data[(k * plane + (i % plane)) * 3 + Math.floor(i / plane)] = Math.round((value + 1) * 127.5);
  }
  return { data, shape: [T, height, width, 3] };
}

/** The two pixels that each pixel of the result lies between, and the share of the second one. */
function samples(from: number, to: number, padded: number) {
  const low = new Uint32Array(padded);
  const high = new Uint32Array(padded);
  const share = new Float64Array(padded);
  for (let i = 0; i < padded; i++) {
    const at = Math.min(from - 1, Math.max(0, ((Math.min(i, to - 1) + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(from - 1, low[i]! + 1);
    share[i] = at - low[i]!;
  }
  return { low, high, share };
}

/** Mean and standard deviation of each colour of a picture [3, paddedHeight, paddedWidth], without what was padded. */
export function colourMoments(
  pixels: ArrayLike<number>,
  { width, height, paddedWidth, paddedHeight }: EnlargedSize,
): { readonly mean: number; readonly std: number }[] {
  return [0, 1, 2].map((c) => {
    let [sum, squares] = [0, 0];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const value = pixels[(c * paddedHeight + y) * paddedWidth + x]!;
        sum += value;
        squares += value * value;
      }
    const mean = sum / (width * height);
    return { mean, std: Math.sqrt(Math.max(0, squares / (width * height) - mean * mean)) };
  });
}
