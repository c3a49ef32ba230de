// Rows of a table by their ids: an embedding, or any gathering of rows.

import { embeddingKernel, show } from '@moviegen/kernels';
import { scope } from '../device/scope.ts';
import type { Numbers } from '../numbers.ts';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { sameType } from './operands.ts';

/**
 * Row `ids[...]` of the table for each id: table [V, D], ids of i32 or u32 [...] -> [..., D]. Ids may also be numbers of
 * the host, [L], which are checked. The host cannot see ids in a tensor: there an id below 0, or of V and above, gives a row
 * of zeros, where PyTorch refuses.
 * @throws where shapes or types do not fit, or an id of the host is not a row of the table.
 */
export function embedding(table: Tensor, ids: Tensor | Numbers): Tensor {
  if (!(ids instanceof Tensor)) return ofHost(table, ids);
  const dtype = sameType('embedding', { table });
  if (table.rank !== 2) throw new Error(`embedding: table ${show(table.shape)} must be [V, D]`);
  if (ids.dtype !== 'i32' && ids.dtype !== 'u32') {
    throw new Error(`embedding: ids must be i32 or u32, got ${ids.dtype}`);
  }
  const [V, D] = table.shape as [number, number];
  const out = Tensor.empty(table.device, [...ids.shape, D], dtype);
  if (out.size === 0) return out;
  const column = ids.reshape([...ids.shape, 1]);
  // A large table comes in parts; each part writes the rows whose ids it holds.
  let first = 0;
  inParts('embedding', [V], 1, { table }, (_, { table: part }) => {
    inParts('embedding', ids.shape, 1, { ids: column, out }, (_, parts) => {
      const shape = { V: part.shape[0]!, D, L: parts.ids.size, first, of: V };
      table.device.run(embeddingKernel(shape, dtype, parts.ids.dtype as 'i32' | 'u32'), [
        part,
        parts.ids,
        parts.out,
      ]);
    });
    first += part.shape[0]!;
  });
  column.dispose();
  return out;
}

function ofHost(table: Tensor, ids: Numbers): Tensor {
  const rows = table.shape[0] ?? 0;
  const at = ids.findIndex((id: number) => !(Number.isInteger(id) && id >= 0 && id < rows));
  if (at >= 0)
    throw new Error(`embedding: id ${ids[at]} at ${at}: expected an integer from 0 to ${rows - 1}`);
  return scope(table.device, () =>
    embedding(table, Tensor.from(table.device, ids, [ids.length], { dtype: 'u32' })),
  );
}
