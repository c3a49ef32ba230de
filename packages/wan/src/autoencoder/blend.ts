// Tiles cut out of frames, and tiles joined to frames. Here axis 2 is the height and axis 3 the width: [B, T, H, W, C].

import { add, concat, mul, slice, Tensor } from '@moviegen/tensor';
import type { TileGrid } from './tiles.ts';

/** A part of a tensor along one axis; the tensor itself where the part is all of it. */
export function cut(x: Tensor, axis: number, start: number, end: number): Tensor {
  if (start === 0 && end === x.shape[axis]) return x;
  const [from, to] = [x.shape.map(() => 0), [...x.shape]];
  from[axis] = start;
  to[axis] = end;
  return slice(x, { start: from, end: to });
}

/** `tile` whose first n along an axis are blended with the last n of the tile before it: its share there grows from 0 as j / n. */
function blended(before: Tensor, tile: Tensor, axis: number, most: number): Tensor {
  const [a, b] = [before.shape[axis]!, tile.shape[axis]!];
  const n = Math.min(a, b, most);
  if (n === 0) return tile;
  const along = tile.shape.map((_, i) => (i === axis ? n : 1));
  const share = Array.from({ length: n }, (_, j) => j / n);
  const weights = (values: number[]) => Tensor.from(tile.device, values, along, { dtype: tile.dtype });
  const old = mul(cut(before, axis, a - n, a), weights(share.map((s) => 1 - s)));
  const mixed = add(old, mul(cut(tile, axis, 0, n), weights(share)));
  return b === n ? mixed : concat([mixed, cut(tile, axis, n, b)], { axis });
}

/**
 * Tiles of a grid as one frame. Each is blended with the one above and then with the one to its left, which are blended already.
 * @param factor positions of the tiles per position of the grid.
 */
export function joinTiles(
  tiles: readonly (readonly Tensor[])[],
  { stride, overlap }: TileGrid,
  factor: number,
): Tensor {
  const done: Tensor[][] = [];
  const rows = tiles.map((line, i) => {
    const own: Tensor[] = [];
    done.push(own);
    const kept = line.map((tile, j) => {
      const below = i === 0 ? tile : blended(done[i - 1]![j]!, tile, 2, overlap[0] * factor);
      own.push(j === 0 ? below : blended(own[j - 1]!, below, 3, overlap[1] * factor));
      const whole = own[j]!;
      const height = Math.min(whole.shape[2]!, stride[0] * factor);
      return cut(cut(whole, 2, 0, height), 3, 0, Math.min(whole.shape[3]!, stride[1] * factor));
    });
    return kept.length === 1 ? kept[0]! : concat(kept, { axis: 3 });
  });
  return rows.length === 1 ? rows[0]! : concat(rows, { axis: 2 });
}
