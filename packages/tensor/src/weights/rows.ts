// Some rows of a large table, such as the embeddings of the tokens that a text has: only these are read where the source reads
// ranges; otherwise the whole table passes by, and memory stays flat all the same.
import type { Device } from '../device/device.ts';
import type { Tensor } from '../tensor.ts';
import { loadWeights } from './load.ts';
import { fileBytes } from './sizes.ts';
import { piecesOf, type WeightOptions, type WeightPieceOptions, type WeightSource } from './source.ts';

/**
 * Loads rows of a matrix [V, D], as `loadWeights` would load them within the whole.
 * @param rows their numbers, rising and each once.
 * @returns [rows, D]; the caller owns it, whatever scope is open.
 * @throws what the source throws; the signal's reason on abort.
 */
export async function loadRows(
  device: Device,
  source: WeightSource,
  name: string,
  rows: readonly number[],
  { dtype, signal }: Pick<WeightOptions, 'dtype' | 'signal'> = {},
): Promise<Tensor> {
  const shape = [rows.length, source.shape(name)[1]!];
  const bytes = await readRows(source, name, rows, signal === undefined ? {} : { signal });
  const held: WeightSource = {
    names: () => [name],
    shape: () => shape,
    dtype: () => source.dtype(name),
    scale: () => source.scale?.(name),
    read: async () => bytes,
  };
  const loaded = await loadWeights(device, held, { [name]: shape }, { dtype, signal });
  return loaded[name]!;
}

/** The bytes of rows, one after the other. */
async function readRows(
  source: WeightSource,
  name: string,
  rows: readonly number[],
  options: WeightPieceOptions,
): Promise<Uint8Array> {
  const width = fileBytes(source, name) / source.shape(name)[0]!;
  const found = new Uint8Array(rows.length * width);
  if (source.range) {
    for (const [i, row] of rows.entries())
      found.set(await source.range(name, row * width, (row + 1) * width, options), i * width);
    return found;
  }
  let [at, next] = [0, 0]; // where the piece begins, and the first row that is not complete
  for await (const piece of piecesOf(source, [name], options)) {
    const start = piece.offset ?? at;
    const end = start + piece.data.length;
    for (let i = next; i < rows.length && rows[i]! * width < end; i++) {
      const row = rows[i]! * width;
      const [from, to] = [Math.max(row, start), Math.min(row + width, end)];
      found.set(piece.data.subarray(from - start, to - start), i * width + from - row);
      if (to === row + width) next = i + 1;
    }
    at = end;
    if (next === rows.length) break;
  }
  return found;
}
