// Decoding tile by tile: temporal tiles one after the other, each decoded whole or in spatial tiles, blended where they
// overlap, and given out as soon as no later tile can change their frames.

import { type Device, scope, type Tensor } from '@moviegen/tensor';
import { blend, cut, joinGrid, tileOf } from './blend.ts';
import { type Span, spansOf, type TileGrid } from './grid.ts';

/** What decoding in tiles needs of an autoencoder. */
export interface TileDecoder {
  readonly device: Device;
  readonly decode: (tile: Tensor) => Tensor;
  /** Compiles the kernels for tiles of this size, and chooses among their variants. */
  readonly warmUp: (size: readonly number[], work: () => unknown) => Promise<void>;
  /** The spatial tiles of the latent. */
  readonly grid: TileGrid;
  /** Frames per latent frame, and pixels per latent pixel. */
  readonly perLatent: number;
  readonly factor: number;
  /** Latent frames of a tile, and latent frames that two neighbours share. */
  readonly tile: number;
  readonly overlap: number;
  /** The most frames that one buffer of the adapter holds. */
  readonly mostFrames: number;
}

/** A latent that need not lie on the device as a whole. */
export interface LatentParts {
  /** [B, C, T, H, W] */
  readonly shape: readonly number[];
  /** Latent frames `start` up to `end`, exclusive, as a new tensor, which is released once it is decoded. */
  part(start: number, end: number): Tensor;
}

/** Decodes tile by tile; see `TAE.decodeTiled`. */
export async function* decodeTiles(
  decoder: TileDecoder,
  latent: LatentParts,
  numFrames: number,
): AsyncGenerator<Tensor> {
  const { device, tile, overlap, perLatent, mostFrames } = decoder;
  const T = latent.shape[2]!;
  const shared = overlap * perLatent; // frames that two tiles have in common
  // Frames come in runs: a buffer holds one, and a whole number of them is shared.
  const run = largestDivisor(perLatent * commonDivisor(tile, overlap), mostFrames);
  let left = numFrames; // not given out yet
  let held: Tensor[] = []; // runs not given out yet; the first ones are those that the next tile shares
  try {
    for (const { start, end } of spansOf(T, tile, overlap)) {
      const runs = await decodeGrid(decoder, latent, { start, end }, run);
      held = runs.map((next, i) => (i < held.length ? mixed(device, held[i]!, next, shared, i * run) : next));
      const frames = (end - start) * perLatent;
      const count = Math.ceil((end === T ? frames : frames - shared) / run);
      for (let i = 0; i < count; i++) {
        const piece = held.shift()!;
        const wanted = Math.min(left, piece.shape[2]!);
        left -= wanted;
        const ready = wanted === 0 ? undefined : scope(device, () => cut(piece, 2, 0, wanted));
        if (ready !== piece) piece.dispose(); // the decoder's spurious last frames are dropped: a part of the piece, or all of it
        await device.sync();
        if (ready) yield ready;
      }
    }
  } finally {
    for (const tensor of held) tensor.dispose();
  }
}

/** The frames of a temporal tile, in runs. */
async function decodeGrid(
  { device, decode, warmUp, grid: { rows, columns, overlap }, perLatent, factor }: TileDecoder,
  latent: LatentParts,
  { start, end }: Span,
  run: number,
): Promise<Tensor[]> {
  const part = latent.part(start, end);
  const tiles: Tensor[][] = [];
  let runs: Tensor[] = [];
  try {
    for (const row of rows) {
      const line: Tensor[] = [];
      tiles.push(line);
      for (const column of columns) {
        const decoded = () => decode(tileOf(part, row, column, 1));
        await warmUp([end - start, row.end - row.start, column.end - column.start], decoded);
        line.push(scope(device, decoded));
        await device.sync(); // one tile's work at a time: queued work needs memory too
      }
    }
    runs = spansOf((end - start) * perLatent, run, 0).map((span) =>
      scope(device, () => {
        const cuts = tiles.map((line) => line.map((tile) => cut(tile, 2, span.start, span.end)));
        return joinGrid(cuts, overlap * factor);
      }),
    );
    return runs;
  } finally {
    part.dispose();
    // A tile that covers the whole frame and the whole run is the run itself.
    for (const tile of tiles.flat()) if (!runs.includes(tile)) tile.dispose();
  }
}

/** A run blended with the end of the tile before it; both are released. */
function mixed(device: Device, previous: Tensor, next: Tensor, n: number, first: number): Tensor {
  const result = scope(device, () => blend(previous, next, 2, n, first));
  previous.dispose();
  next.dispose();
  return result;
}

/** The largest divisor of n that is at most `most`. */
function largestDivisor(n: number, most: number): number {
  let divisor = Math.min(n, most);
  while (n % divisor !== 0) divisor--;
  return divisor;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
