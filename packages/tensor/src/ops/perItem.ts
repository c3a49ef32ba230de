// Vectors that go with the rows of batch items (shift, scale, gate): one per item, one for all, or two between which a
// row's place in its item chooses, for a batch whose first rows are at another time than the other rows.

import { type ItemRows, show, sizeOf } from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';

/** Options of ops that take such vectors. */
export interface PerItemOptions {
  /**
   * How many rows at the front of each batch item take the first of two vectors; its other rows take the second. The
   * vectors are then [B, 2, D], or [2, D] for all items.
   */
  readonly early?: number | undefined;
}

/** Vectors of an op, after their check. */
export interface PerItem {
  /** Whether the vectors are cut along with the rows: not where they are two, since then a row's place is needed. */
  readonly cut: boolean;
  /** Which vector goes with each of `rows` rows after `before` others; `size` is the number of elements of the vectors. */
  rows(rows: number, before: number, size: number): ItemRows;
}

/**
 * Checks the shape of vectors for rows [...lead, D].
 * @throws where it is not [D] or [B, D], or with `early` [2, D] or [B, 2, D].
 */
export function perItem(
  op: string,
  vectors: Readonly<Record<string, Tensor | undefined>>,
  lead: readonly number[],
  D: number,
  early: number | undefined,
): PerItem {
  const B = lead[0] ?? 1;
  const rowsPerItem = sizeOf(lead.slice(1));
  if (early !== undefined && !(Number.isInteger(early) && early >= 0 && early <= rowsPerItem))
    throw new Error(
      `${op}: early is ${early}, expected an integer from 0 to ${rowsPerItem}, the rows of an item`,
    );
  const [first] = Object.values(vectors);
  const alike = first?.rank === (early === undefined ? 1 : 2);
  const wanted = [...(alike ? [] : [B]), ...(early === undefined ? [] : [2]), D];
  for (const [name, vector] of Object.entries(vectors))
    if (vector && show(vector.shape) !== show(wanted))
      throw new Error(`${op}: ${name} is ${show(vector.shape)}, expected ${show(wanted)}`);
  return {
    cut: early === undefined,
    rows(rows, before, size) {
      if (early !== undefined) return { rowsPerItem, each: alike ? 0 : 2, early, before };
      return alike ? { rowsPerItem: rows, each: 0 } : { rowsPerItem: rows / (size / D), each: 1 };
    },
  };
}
