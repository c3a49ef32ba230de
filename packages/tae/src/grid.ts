// Spatial tiles of frames that are too large for one buffer of the adapter. The paper tiles time only; these follow the rule
// of its temporal tiles: one begins at every `size - overlap`, the last may be short, shared pixels are blended linearly.
//
// Legend: H W height and width of the latent; all sizes and places here are in pixels of the latent.

import { type Device, type DType, largestOperand } from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';

/** A tile's place along an axis: from `start` up to `end`, exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The tiles of a frame, row by row. */
export interface TileGrid {
  readonly rows: readonly Span[];
  readonly columns: readonly Span[];
  /** Pixels that neighbours share. */
  readonly overlap: number;
}

/** Sizes of spatial tiles, in pixels of the latent. */
export interface GridOptions {
  /**
   * Height and width of a spatial tile. Default: the whole frame where the adapter's buffers can hold every intermediate
   * result; else the fewest tiles, of about equal size, that they can hold.
   */
  readonly spatialTile?: number | undefined;
  /** Pixels that neighbouring spatial tiles share. Default: a quarter of the tile. */
  readonly spatialOverlap?: number | undefined;
}

/** Tiles of an axis: one at every `size - overlap`, the last may be short. */
export function spansOf(length: number, size: number, overlap: number): Span[] {
  const spans: Span[] = [];
  for (let start = 0; ; start += size - overlap) {
    const end = Math.min(start + size, length);
    spans.push({ start, end });
    if (end === length) return spans;
  }
}

/**
 * The tiles of a frame.
 * @param fits whether the adapter's buffers can hold what a tile needs.
 * @throws Error where the sizes are not possible, or no tile fits.
 */
export function tileGrid(
  op: string,
  [H, W]: readonly [number, number],
  { spatialTile, spatialOverlap }: GridOptions,
  fits: (height: number, width: number) => boolean,
): TileGrid {
  const given = spatialTile !== undefined;
  const size = spatialTile ?? largestTile(op, H, W, fits);
  const overlap = spatialOverlap ?? Math.floor(size / 4);
  if (!(Number.isInteger(size) && Number.isInteger(overlap) && 0 <= overlap && overlap < size))
    throw new Error(
      `${op}: spatialTile ${size} and spatialOverlap ${overlap} must be integers, 0 <= spatialOverlap < spatialTile`,
    );
  const along = (length: number) => spansOf(length, given ? size : even(length, size, overlap), overlap);
  return { rows: along(H), columns: along(W), overlap };
}

/** The largest tile of as many pixels along both axes as fit. */
function largestTile(
  op: string,
  H: number,
  W: number,
  fits: (height: number, width: number) => boolean,
): number {
  let [least, most] = [0, Math.max(H, W)];
  while (least < most) {
    const size = Math.ceil((least + most) / 2);
    if (fits(Math.min(size, H), Math.min(size, W))) least = size;
    else most = size - 1;
  }
  if (least > 0) return least;
  throw new Error(
    `${op}: the adapter's buffers cannot hold even a tile of one pixel; take fewer frames per tile`,
  );
}

/** The length that makes as many tiles as `size` does, all about equal: a narrow last tile sees too little of the frame. */
function even(length: number, size: number, overlap: number): number {
  const count = Math.max(1, Math.ceil((length - overlap) / (size - overlap)));
  return Math.ceil((length + (count - 1) * overlap) / count);
}

/**
 * Whether a device's buffers can hold the largest intermediate of encoder and decoder: at each level the larger of its width
 * and the width of the level before it; queries, keys and values side by side in the middle; the colours at the end.
 * @param frames frames of the latent that are computed together, of all videos of a batch
 */
export function fitsOn(
  device: Device,
  config: TAEConfig,
  dtype: DType,
  frames: number,
): (height: number, width: number) => boolean {
  const most = largestOperand(device);
  const { temporal, blockOutChannels, inChannels, outChannels } = config;
  const widths = blockOutChannels.toReversed();
  const colours = Math.max(inChannels, outChannels);
  const perPixel = widths.map((width, i) => {
    const scale = 2 ** i;
    const channels = i === 0 ? 3 * width : Math.max(width, widths[i - 1]!, colours);
    return channels * scale * scale * (temporal ? scale : 1);
  });
  const largest = Math.max(...perPixel) * frames * (dtype === 'f16' ? 2 : 4);
  return (height, width) => largest * height * width <= most;
}

/** Frames of a video that one buffer of a device holds, as f32. */
export function framesThatFit(device: Device, [B, C, , H, W]: readonly number[]): number {
  return Math.max(1, Math.floor(largestOperand(device) / (4 * B! * C! * H! * W!)));
}
