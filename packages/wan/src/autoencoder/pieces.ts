// Coding piece by piece and tile by tile: each tile of a frame has a past of its own, so that all of them go through time
// together, frames come out as soon as they are done, and memory does not grow with their number.

import { show } from '@moviegen/kernels';
import { concat, type Device, scope, slice, type Tensor } from '@moviegen/tensor';
import { cut, joinTiles } from './blend.ts';
import { TEMPORAL_FACTOR } from './config.ts';
import { Past } from './past.ts';
import type { Span, TileGrid } from './tiles.ts';

/** What coding in tiles needs of a coder. */
export interface TileCoder {
  readonly device: Device;
  readonly grid: TileGrid;
  /** Positions of the coder's input, and of its output, per position of the grid. */
  readonly input: number;
  readonly output: number;
  /** Codes a tile of a piece, [B, T, H, W, C]. */
  readonly code: (tile: Tensor, past: Past) => Tensor;
  /** Compiles the kernels of work that is new, by a key. */
  readonly warmUp: (key: readonly (string | number)[], work: () => unknown) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** Pieces after which no kernel is new: a step of time does nothing on the first, and begins with zeros on the second. */
const NEW_PIECES = 2;

/** A video on its way through a coder. */
export class TiledPass {
  readonly #coder: TileCoder;
  readonly #pasts: readonly (readonly Past[])[];

  constructor(coder: TileCoder) {
    const { rows, columns } = coder.grid;
    this.#coder = coder;
    this.#pasts = rows.map(() => columns.map(() => new Past()));
  }

  /** Codes the next piece [B, T, H, W, C], which stays the caller's, as the result is. @throws the signal's reason. */
  async piece(x: Tensor): Promise<Tensor> {
    const { device, grid, output, signal } = this.#coder;
    const tiles: Tensor[][] = [];
    let result: Tensor | undefined;
    try {
      for (const [i, row] of grid.rows.entries()) {
        const line: Tensor[] = [];
        tiles.push(line);
        for (const [j, column] of grid.columns.entries()) {
          signal?.throwIfAborted();
          line.push(await this.#tile(x, row, column, this.#pasts[i]![j]!));
        }
      }
      result = scope(device, () => joinTiles(tiles, grid, output));
      return result;
    } finally {
      for (const tile of tiles.flat()) if (tile !== result) tile.dispose();
    }
  }

  async #tile(x: Tensor, row: Span, column: Span, past: Past): Promise<Tensor> {
    const { device, input, code, warmUp } = this.#coder;
    const coded = (from: Past) => {
      const strip = cut(x, 2, row.start * input, row.end * input);
      return code(cut(strip, 3, column.start * input, column.end * input), from);
    };
    const key = [
      Math.min(past.pieces, NEW_PIECES),
      x.shape[1]!,
      row.end - row.start,
      column.end - column.start,
    ];
    await warmUp(key, () => coded(new Past(past)));
    const tile = scope(device, () => coded(past));
    past.next();
    await device.sync(); // one tile's work at a time: queued work needs memory too
    return tile;
  }

  dispose(): void {
    for (const past of this.#pasts.flat()) past.dispose();
  }
}

/**
 * Pieces of a video [B, C, n, H, W] of any lengths, regrouped to one frame and then four at a time, which the caller releases.
 * @throws Error where frames are left over, or a piece is of another size than the first.
 */
export async function* regrouped(pieces: Iterable<Tensor> | AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
  let parts: Tensor[] = [];
  let [held, total, wanted] = [0, 0, 1];
  let size: string | undefined;
  try {
    for await (const piece of pieces) {
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
