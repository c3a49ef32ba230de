// Which vector of several goes with a row: vectors per batch item, for the references of norms and linear.
import { sizeOf } from '../shape.ts';
import type { NDArray } from './ndarray.ts';

/**
 * The index of the vector that goes with each row [...lead].
 * @param vectors [D], [B, D], or with `early` [2, D] or [B, 2, D]: an item's first rows take the first of its two.
 */
export function perItemRow(
  lead: readonly number[],
  vectors: NDArray | undefined,
  early: number | undefined,
): (row: number) => number {
  const axes = (vectors?.shape.length ?? 1) - 1;
  const rowsPerItem = sizeOf(lead.slice(1));
  if (early === undefined) return (row) => (axes === 0 ? 0 : Math.floor(row / rowsPerItem));
  return (row) => {
    const late = row % rowsPerItem < early ? 0 : 1;
    return axes === 1 ? late : 2 * Math.floor(row / rowsPerItem) + late;
  };
}
