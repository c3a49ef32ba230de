import { embeddingKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';
import { show } from './shapes.ts';

/**
 * Row `ids[...]` of the table for each id: table [V, D], ids of i32 or u32 [...] -> [..., D].
 * An id below 0, or V and above, gives a row of zeros.
 * @throws where shapes or types do not fit.
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  const dtype = sameType('embedding', { table });
  if (table.rank !== 2) throw new Error(`embedding: table ${show(table.shape)} must be [V, D]`);
  if (ids.dtype !== 'i32' && ids.dtype !== 'u32') {
    throw new Error(`embedding: ids must be i32 or u32, got ${ids.dtype}`);
  }
  const [V, D] = table.shape as [number, number];
  const out = Tensor.empty(table.device, [...ids.shape, D], dtype);
  if (out.size > 0) {
    table.device.run(embeddingKernel({ V, D, L: ids.size }, dtype, ids.dtype), [table, ids, out]);
  }
  return out;
}
