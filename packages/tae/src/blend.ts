// Parts of videos [B, C, T, H, W], and tiles joined to one video: where two tiles overlap, they are blended linearly.

import { add, concat, mul, slice, Tensor } from '@moviegen/tensor';
import type { Span } from './grid.ts';

/** A part of a tensor along one axis; the tensor itself where the part is all of it. */
export function cut(x: Tensor, axis: number, start: number, end: number): Tensor {
  if (start === 0 && end === x.shape[axis]) return x;
  const from = x.shape.map((_, i) => (i === axis ? start : 0));
  return slice(x, { start: from, end: x.shape.map((size, i) => (i === axis ? end : size)) });
}

/** A spatial tile; each unit of the spans is `factor` pixels. */
export function tileOf(x: Tensor, row: Span, column: Span, factor: number): Tensor {
  const strip = cut(x, 3, row.start * factor, row.end * factor);
  return cut(strip, 4, column.start * factor, column.end * factor);
}

/** `(1 - j/n) * previous + (j/n) * next` along an axis, where j counts from `first`. */
export function blend(previous: Tensor, next: Tensor, axis: number, n: number, first = 0): Tensor {
  const { device, dtype, shape } = next;
  const share = Array.from({ length: shape[axis]! }, (_, j) => (first + j) / n);
  const along = shape.map((size, i) => (i === axis ? size : 1));
  const weights = (values: number[]) => Tensor.from(device, values, along, { dtype });
  return add(mul(previous, weights(share.map((s) => 1 - s))), mul(next, weights(share)));
}

/** Spatial tiles, row by row, as one frame; neighbours share n pixels. */
export function joinGrid(tiles: readonly (readonly Tensor[])[], n: number): Tensor {
  const rows = tiles.map((row) => joinTiles(row, 4, n));
  return joinTiles(rows, 3, n);
}

/** Tiles along an axis as one. */
function joinTiles([first, ...rest]: readonly Tensor[], axis: number, n: number): Tensor {
  const parts: Tensor[] = [];
  let current = first!;
  for (const next of rest) {
    const kept = current.shape[axis]! - n;
    parts.push(cut(current, axis, 0, kept));
    current = n === 0 ? next : blendStart(cut(current, axis, kept, kept + n), next, axis, n);
  }
  return parts.length === 0 ? current : concat([...parts, current], { axis });
}

/** A tile, its first n blended with the end of the one before it. */
function blendStart(end: Tensor, next: Tensor, axis: number, n: number): Tensor {
  const mixed = blend(end, cut(next, axis, 0, n), axis, n);
  const size = next.shape[axis]!;
  return size === n ? mixed : concat([mixed, cut(next, axis, n, size)], { axis });
}
