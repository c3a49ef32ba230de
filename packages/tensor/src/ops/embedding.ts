import { embeddingKernel, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { sameType } from './operands.ts';

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
  if (out.size === 0) return out;
  const column = ids.reshape([...ids.shape, 1]);
  // A large table comes in parts, each of which writes the rows of the ids that it holds.
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
