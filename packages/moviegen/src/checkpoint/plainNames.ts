// Names of weights without what wrappers of PyTorch put into them: `torch.compile` saves `_orig_mod.layers.0.weight`.

import type { TensorSource } from '@moviegen/safetensors';

const WRAPPER = /(^|\.)_orig_mod\./g;

/** A name without the wrappers'. */
export const plainName = (name: string): string => name.replaceAll(WRAPPER, '$1');

/** The source with plain names; itself where they are plain. */
export function plainNames(source: TensorSource): TensorSource {
  const names = source.names();
  const plain = names.map(plainName);
  if (plain.every((name, i) => name === names[i])) return source;
  const original = new Map(plain.map((name, i) => [name, names[i]!]));
  const of = (name: string) => original.get(name) ?? name;
  return {
    label: source.label,
    metadata: source.metadata,
    names: () => [...original.keys()],
    has: (name) => original.has(name),
    shape: (name) => source.shape(of(name)),
    dtype: (name) => source.dtype(of(name)),
    byteLength: (name) => source.byteLength(of(name)),
    read: (name, options) => source.read(of(name), options),
    range: (name, start, end, options) => source.range(of(name), start, end, options),
    chunks: (name, options) => source.chunks(of(name), options),
    async *pieces(wanted, options) {
      for await (const piece of source.pieces(wanted.map(of), options))
        yield { ...piece, name: plainName(piece.name) };
    },
    close: () => source.close(),
  };
}
