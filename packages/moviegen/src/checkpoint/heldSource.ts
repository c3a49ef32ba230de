// Weights that stay in host memory once they are read: layers that are streamed to the device at every step should not come
// over the network each time. Layers are read as whole tensors, so it has no `range`.

import type { WeightPiece, WeightPieceOptions, WeightSource } from '@moviegen/tensor';

/** The same source, which keeps every tensor after its first reading. */
export function heldSource(source: WeightSource): WeightSource {
  const held = new Map<string, Uint8Array>();
  const read = async (name: string, options?: WeightPieceOptions) => {
    const bytes = held.get(name) ?? (await source.read(name, options));
    held.set(name, bytes);
    return bytes;
  };

  /** Tensors that are not held yet, read in one pass. */
  async function* fresh(names: readonly string[], options?: WeightPieceOptions): AsyncGenerator<WeightPiece> {
    if (!source.pieces) {
      for (const name of names) yield { name, data: await read(name, options) };
      return;
    }
    const parts = new Map<string, Uint8Array[]>();
    for await (const piece of source.pieces(names, options)) {
      parts.set(piece.name, [...(parts.get(piece.name) ?? []), piece.data.slice()]);
      yield piece;
    }
    for (const [name, pieces] of parts) held.set(name, joined(pieces));
  }

  async function* pieces(
    names: readonly string[],
    options?: WeightPieceOptions,
  ): AsyncGenerator<WeightPiece> {
    for (let i = 0; i < names.length; ) {
      const data = held.get(names[i]!);
      if (data) {
        options?.signal?.throwIfAborted();
        yield { name: names[i++]!, data };
        continue;
      }
      const run = names.slice(i);
      const until = run.findIndex((name) => held.has(name));
      const group = until < 0 ? run : run.slice(0, until);
      yield* fresh(group, options);
      i += group.length;
    }
  }
  return {
    names: () => source.names(),
    shape: (name) => source.shape(name),
    dtype: (name) => source.dtype(name),
    scale: (name) => source.scale?.(name),
    read,
    pieces,
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
