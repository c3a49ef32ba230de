// Encoding tile by tile: a video comes in pieces of any lengths, is regrouped to temporal tiles, and each of these is
// encoded whole or in spatial tiles.

import { concat, scope, slice, Tensor } from '@moviegen/tensor';
import { joinGrid, tileOf } from './blend.ts';
import type { TAEConfig } from './config.ts';
import type { TileGrid } from './grid.ts';
import { Posterior } from './posterior.ts';

/** What encoding in tiles needs of an autoencoder. */
export interface TileEncoder {
  readonly config: TAEConfig;
  readonly encode: (tile: Tensor) => Posterior;
  /** Compiles the kernels for tiles of this size, and chooses among their variants. */
  readonly warmUp: (size: readonly number[], work: () => unknown) => Promise<void>;
  /** The spatial tiles of a video, by its shape. @throws Error where this autoencoder does not take such a video. */
  readonly grid: (shape: readonly number[]) => TileGrid;
  /** Pixels per latent pixel, along each axis. */
  readonly factor: number;
  /** Frames of a temporal tile. */
  readonly frames: number;
}

/** Encodes tile by tile; see `TAE.encodeTiled`. */
export async function* encodeTiles(
  encoder: TileEncoder,
  video: Tensor | Iterable<Tensor> | AsyncIterable<Tensor>,
): AsyncGenerator<Posterior> {
  const pieces = video instanceof Tensor ? [video] : video;
  for await (const parts of regrouped(pieces, encoder.frames)) yield await encodeGrid(encoder, parts);
}

/** Encodes a temporal tile; its parts along the frames are released. */
async function encodeGrid(
  { config, encode, warmUp, grid, factor }: TileEncoder,
  parts: readonly Tensor[],
): Promise<Posterior> {
  const { device, shape } = parts[0]!;
  const owned = [...parts];
  const frames = parts.reduce((sum, part) => sum + part.shape[2]!, 0);
  try {
    const { rows, columns, overlap } = grid(shape);
    const tiles: Posterior[][] = [];
    for (const row of rows) {
      const line: Posterior[] = [];
      tiles.push(line);
      for (const column of columns) {
        const encoded = () => {
          const cuts = parts.map((part) => tileOf(part, row, column, factor));
          return encode(cuts.length === 1 ? cuts[0]! : concat(cuts, { axis: 2 }));
        };
        await warmUp([frames, row.end - row.start, column.end - column.start], encoded);
        const tile = scope(device, encoded);
        line.push(tile);
        if (rows.length * columns.length > 1) owned.push(tile.mean, tile.logvar);
        await device.sync(); // one tile's work at a time: queued work needs memory too
      }
    }
    if (rows.length * columns.length === 1) return tiles[0]![0]!;
    return scope(device, () => {
      const joined = (part: 'mean' | 'logvar') =>
        joinGrid(
          tiles.map((line) => line.map((tile) => tile[part])),
          overlap,
        );
      return new Posterior(joined('mean'), joined('logvar'), config);
    });
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

/** Pieces of a video along T', regrouped to `size` frames; the last group may have fewer. The caller releases each group. */
async function* regrouped(
  pieces: Iterable<Tensor> | AsyncIterable<Tensor>,
  size: number,
): AsyncGenerator<Tensor[]> {
  let parts: Tensor[] = [];
  try {
    let held = 0;
    for await (const piece of pieces) {
      const [B, C, F] = piece.shape as [number, number, number];
      for (let at = 0; at < F; ) {
        const taken = Math.min(size - held, F - at);
        parts.push(slice(piece, { start: [0, 0, at], end: [B, C, at + taken] }));
        at += taken;
        held = (held + taken) % size;
        if (held > 0) continue;
        const group = parts;
        parts = [];
        yield group;
      }
    }
    const rest = parts;
    parts = [];
    if (rest.length > 0) yield rest;
  } finally {
    for (const part of parts) part.dispose();
  }
}
