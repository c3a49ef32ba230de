// Coding piece by piece, in device memory that does not grow with the number of frames. A frame that is one tile comes out as soon
// as it is done. Of several tiles each goes through all of time before the next one, so that the device remembers the past of
// one tile only, which is most of the memory; what is coded waits on the host.

import { show } from '@moviegen/kernels';
import { concat, type Device, type DType, type HostArray, scope, slice, Tensor } from '@moviegen/tensor';
import { cut, joinTiles } from './blend.ts';
import { TEMPORAL_FACTOR } from './config.ts';
import { Past } from './past.ts';
import type { Span, TileGrid } from './tiles.ts';

/** What coding in pieces and tiles needs of a coder. */
export interface TileCoder {
  readonly device: Device;
  /** The tiles of a piece, by its shape. @throws Error where the sizes are not possible. */
  readonly grid: (shape: readonly number[]) => TileGrid;
  /** Positions of the coder's input, and of its output, per position of the grid. */
  readonly input: number;
  readonly output: number;
  /** Codes a tile of a piece, [B, T, H, W, C]. */
  readonly code: (tile: Tensor, past: Past) => Tensor;
  /** Compiles the kernels of work that is new, by a key. */
  readonly warmUp: (key: readonly (string | number)[], work: () => unknown) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Codes the pieces [B, T, H, W, C] of a video, in order, and releases them.
 * @returns the coded pieces, which are the caller's. @throws the signal's reason.
 */
export async function* codedPieces(coder: TileCoder, pieces: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
  const waiting: Waiting[] = [];
  const past = new Past();
  let grid: TileGrid | undefined;
  try {
    for await (const x of pieces) {
      let coded: Tensor | undefined;
      try {
        coder.signal?.throwIfAborted();
        grid ??= coder.grid(x.shape);
        if (grid.rows.length * grid.columns.length > 1) waiting.push(await onHost(x));
        else coded = await codedTile(coder, x, grid.rows[0]!, grid.columns[0]!, past);
      } finally {
        x.dispose();
      }
      if (coded) yield coded;
    }
  } finally {
    past.dispose();
  }
  if (waiting.length > 0) yield* tileByTile(coder, grid!, waiting);
}

/** Codes each tile through all pieces, then joins the tiles piece by piece. */
async function* tileByTile(
  coder: TileCoder,
  grid: TileGrid,
  pieces: readonly Waiting[],
): AsyncGenerator<Tensor> {
  const { device, output, signal } = coder;
  const coded: Waiting[][][] = pieces.map(() => grid.rows.map(() => []));
  for (const [i, row] of grid.rows.entries())
    for (const column of grid.columns) {
      const past = new Past();
      try {
        for (const [k, piece] of pieces.entries()) {
          const x = onDevice(device, piece);
          try {
            const tile = await codedTile(coder, x, row, column, past);
            coded[k]![i]!.push(await onHost(tile).finally(() => tile.dispose()));
          } finally {
            x.dispose();
          }
        }
      } finally {
        past.dispose();
      }
    }
  for (const tiles of coded) {
    signal?.throwIfAborted();
    const uploaded = () => tiles.map((line) => line.map((tile) => onDevice(device, tile)));
    yield scope(device, () => joinTiles(uploaded(), grid, output));
  }
}

/** Pieces after which no kernel is new: a step of time does nothing on the first, and begins with zeros on the second. */
const NEW_PIECES = 2;

/** The tile of a piece, coded. @throws the signal's reason. */
async function codedTile(
  { device, input, code, warmUp, signal }: TileCoder,
  x: Tensor,
  row: Span,
  column: Span,
  past: Past,
): Promise<Tensor> {
  signal?.throwIfAborted();
  const coded = (from: Past) => {
    const strip = cut(x, 2, row.start * input, row.end * input);
    return code(cut(strip, 3, column.start * input, column.end * input), from);
  };
  const size = [row.end - row.start, column.end - column.start];
  await warmUp([Math.min(past.pieces, NEW_PIECES), x.shape[0]!, x.shape[1]!, ...size], () =>
    coded(new Past(past)),
  );
  const tile = scope(device, () => coded(past));
  past.next();
  await device.sync(); // one tile's work at a time: queued work needs memory too
  return tile;
}

/** A tensor's numbers on the host. */
interface Waiting {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: HostArray;
}

const onHost = async (x: Tensor): Promise<Waiting> => ({
  shape: x.shape,
  dtype: x.dtype,
  data: await x.read(),
});

const onDevice = (device: Device, { shape, dtype, data }: Waiting): Tensor =>
  Tensor.from(device, data, shape, { dtype });

/**
 * Pieces of a video [B, C, n, H, W] of any lengths, regrouped to one frame and then four at a time, which the caller releases.
 * @param check whether the autoencoder takes a piece of this shape.
 * @throws Error where frames are left over, or a piece is of another size than the first.
 */
export async function* regrouped(
  pieces: Iterable<Tensor> | AsyncIterable<Tensor>,
  check: (shape: readonly number[]) => void,
): AsyncGenerator<Tensor> {
  let parts: Tensor[] = [];
  let [held, total, wanted] = [0, 0, 1];
  let size: string | undefined;
  try {
    for await (const piece of pieces) {
      check(piece.shape);
      const [B, C, F, ...rest] = piece.shape as [number, number, number, ...number[]];
      const own = show([B, C, ...rest]);
      size ??= own;
      if (own !== size)
        throw new Error(`wan.encodeTiled: pieces must agree but in their frames: got ${own} after ${size}`);
      for (let at = 0; at < F; ) {
        const taken = Math.min(wanted - held, F - at);
        parts.push(slice(piece, { start: [0, 0, at], end: [B, C, at + taken] }));
        at += taken;
        held += taken;
        total += taken;
        if (held < wanted) continue;
        const group = parts.length === 1 ? parts[0]! : concat(parts, { axis: 2 });
        for (const part of parts) if (part !== group) part.dispose();
        [parts, held, wanted] = [[], 0, TEMPORAL_FACTOR];
        yield group;
      }
    }
    if (held > 0) throw new Error(`wan.encodeTiled: ${wrongCount(total)}`);
  } finally {
    for (const part of parts) part.dispose();
  }
}

/** What is wrong with a number of frames that is not 1 + 4k. */
export function wrongCount(frames: number): string {
  const over = (frames - 1) % TEMPORAL_FACTOR;
  const missing = TEMPORAL_FACTOR - over;
  return `a video must have 1 + ${TEMPORAL_FACTOR}k frames, got ${frames}; leave out the last ${over}, or repeat the last one ${missing} times`;
}
