// The weights of a checkpoint under today's names and shapes. Older image autoencoders and original files (ldm.ts) use other
// names and shapes for some.

import type { WeightPiece, WeightSource } from '@moviegen/tensor';
import { withoutLdm } from './ldm.ts';
import { currentName, currentShape, isTemporal } from './weights.ts';

/** The source with its weights under today's names, and whether it has any temporal ones. */
export function currentSource(source: WeightSource): { source: WeightSource; temporal: boolean } {
  const current = new Map(withoutLdm(source.names()).map(([name, known]) => [name, currentName(known)]));
  const original = new Map([...current].map(([name, known]) => [known, name]));
  const of = (name: string) => original.get(name) ?? name;
  const pieces = source.pieces?.bind(source);
  return {
    temporal: [...original.keys()].some(isTemporal),
    source: {
      names: () => [...original.keys()],
      shape: (name) => currentShape(name, source.shape(of(name))),
      dtype: (name) => source.dtype(of(name)),
      read: (name, options) => source.read(of(name), options),
      ...(pieces && {
        pieces: (names, options) => renamed(pieces(names.map(of), options), current),
      }),
    },
  };
}

/** Pieces of tensors under today's names. */
async function* renamed(
  pieces: AsyncIterable<WeightPiece>,
  current: ReadonlyMap<string, string>,
): AsyncGenerator<WeightPiece> {
  for await (const piece of pieces) yield { ...piece, name: current.get(piece.name) ?? piece.name };
}
