// A checkpoint's files under today's names and shapes: what older image autoencoders spell differently.

import type { WeightSource } from '@moviegen/tensor';
import { currentName, currentShape, isTemporal } from './weights.ts';

/** The source with its weights under today's names, and whether it has any temporal ones. */
export function currentSource(source: WeightSource): { source: WeightSource; temporal: boolean } {
  const original = new Map<string, string>();
  for (const name of source.names()) original.set(currentName(name), name);
  const of = (name: string) => original.get(name) ?? name;
  const { chunks } = source;
  return {
    temporal: [...original.keys()].some(isTemporal),
    source: {
      names: () => [...original.keys()],
      shape: (name) => currentShape(name, source.shape(of(name))),
      dtype: (name) => source.dtype(of(name)),
      read: (name, options) => source.read(of(name), options),
      ...(chunks && { chunks: (name, options) => chunks.call(source, of(name), options) }),
    },
  };
}
