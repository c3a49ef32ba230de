// Spatial tiles of frames that are too large for the adapter, as diffusers cuts and joins them: one begins at every stride, the
// last ones may be short, and what neighbours share is blended linearly. Each tile is coded through all of time.
//
// Legend: sizes and places are in positions of the latents.

import { type Device, type DType, largestOperand } from '@moviegen/tensor';
import { pictureChannels, type WanAutoencoderConfig } from './config.ts';
import { type CoderPlan, decoderPlan, encoderPlan } from './plan.ts';

/** Sizes of spatial tiles, in positions of the latents. */
export interface TileOptions {
  /**
   * Height and width of a tile, one number or both; a frame that is no larger is one tile (in the encoder of 2.2: no larger than half). Default: the whole frame where the adapter's
   * buffers hold every intermediate result; else 32, or the largest half of it that they hold.
   */
  readonly spatialTile?: number | readonly [number, number] | undefined;
  /** What neighbours share. Default: a quarter of the tile. */
  readonly spatialOverlap?: number | readonly [number, number] | undefined;
}

/** A tile's place along an axis: from `start` up to `end`, exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The tiles of a frame, row by row. */
export interface TileGrid {
  readonly rows: readonly Span[];
  readonly columns: readonly Span[];
  /** From one tile to the next, and how much of the next one is blended: along the height, along the width. */
  readonly stride: readonly [number, number];
  readonly overlap: readonly [number, number];
}

/** diffusers' tile: 256 pixels of an 8x autoencoder. */
const LARGEST_DEFAULT = 32;

/**
 * The tiles of a frame.
 * @param fits whether the adapter holds a tile.
 * @param patch the frame is one tile where it is no larger than this part of a tile. diffusers holds the pixels of a video against
 *   a tile in patches of its encoder, so this is the patch size there; 1 in the decoder.
 * @throws Error where the sizes are not possible, or no tile fits.
 */
export function tileGrid(
  op: string,
  [H, W]: readonly [number, number],
  { spatialTile, spatialOverlap, ...rest }: TileOptions,
  fits: (height: number, width: number) => boolean,
  patch: number,
): TileGrid {
  const temporal = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (temporal.length > 0)
    throw new Error(
      `${op}: ${temporal.map(([name, value]) => `${name} ${value}`).join(', ')}: time is not tiled, since each piece continues the one before; leave it out`,
    );
  if (spatialTile === undefined && spatialOverlap === undefined && fits(H, W)) return oneTile(H, W);
  const tile = pair(spatialTile ?? defaultTile(op, H, W, fits));
  const overlap =
    spatialOverlap === undefined ? tile.map((size) => Math.floor(size / 4)) : pair(spatialOverlap);
  const right = [0, 1].every((i) => {
    const [size, shared] = [tile[i]!, overlap[i]!];
    return Number.isInteger(size) && Number.isInteger(shared) && 0 <= shared && shared < size;
  });
  if (!right)
    throw new Error(
      `${op}: spatialTile ${tile.join(' x ')} and spatialOverlap ${overlap.join(' x ')} must be integers, 0 <= spatialOverlap < spatialTile`,
    );
  if (H * patch <= tile[0]! && W * patch <= tile[1]!) return oneTile(H, W);
  const [y, x] = [tile[0]! - overlap[0]!, tile[1]! - overlap[1]!];
  return {
    rows: spansOf(H, tile[0]!, y),
    columns: spansOf(W, tile[1]!, x),
    stride: [y, x],
    overlap: [overlap[0]!, overlap[1]!],
  };
}

const oneTile = (H: number, W: number): TileGrid => ({
  rows: [{ start: 0, end: H }],
  columns: [{ start: 0, end: W }],
  stride: [H, W],
  overlap: [0, 0],
});

const pair = (size: number | readonly [number, number]): readonly number[] =>
  typeof size === 'number' ? [size, size] : size;

/** A tile at every stride that begins within the axis, even where the one before reaches its end. */
function spansOf(length: number, tile: number, stride: number): Span[] {
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => ({
    start: i * stride,
    end: Math.min(i * stride + tile, length),
  }));
}

function defaultTile(
  op: string,
  H: number,
  W: number,
  fits: (height: number, width: number) => boolean,
): number {
  for (let size = LARGEST_DEFAULT; size >= 1; size /= 2)
    if (fits(Math.min(H, size), Math.min(W, size))) return size;
  throw new Error(`${op}: the adapter's buffers cannot hold even a tile of one position`);
}

/** Whether a device's buffers hold the largest intermediate result of a piece of B videos, for a tile of a size. */
export function fitsOn(
  device: Device,
  config: WanAutoencoderConfig,
  part: 'encoder' | 'decoder',
  dtype: DType,
  B: number,
): (height: number, width: number) => boolean {
  const most = largestOperand(device) / (dtype === 'f16' ? 2 : 4);
  const perPosition =
    B * largestPerPosition(config, part === 'encoder' ? encoderPlan(config) : decoderPlan(config));
  return (height, width) => perPosition * height * width <= most;
}

/** Numbers of the largest intermediate result of a piece, per position of the latents. */
function largestPerPosition(config: WanAutoencoderConfig, { path, middle, levels }: CoderPlan): number {
  const encodes = path === 'encoder';
  // From the coarsest level to the finest, as the decoder goes.
  const upward = encodes ? levels.toReversed() : levels;
  const steps = encodes ? upward.slice(1) : upward;
  let [frames, scale] = [1, 1];
  const sizes = [3 * middle]; // queries, keys and values side by side
  for (const [i, { from, to, step }] of upward.entries()) {
    sizes.push(Math.max(from, to, pictureChannels(config)) * frames * scale * scale);
    const next = encodes ? steps[i]?.step : step;
    if (!next) continue;
    if (next.time) sizes.push(2 * next.from * frames * scale * scale);
    frames *= next.time ? 2 : 1;
    scale *= 2;
    sizes.push(next.to * frames * scale * scale);
  }
  return Math.max(...sizes);
}
