// The weights of a checkpoint under today's names and shapes. Older image autoencoders and original files (ldm.ts) use other
// names and shapes for some.

import { renamedSource, type WeightSource } from '@moviegen/tensor';
import { withoutLdm } from './ldm.ts';
import { currentName, currentShape, isTemporal } from './weights.ts';

/** The source with its weights under today's names, and whether it has any temporal ones. */
export function currentSource(source: WeightSource): { source: WeightSource; temporal: boolean } {
  const current = new Map(withoutLdm(source.names()).map(([name, known]) => [name, currentName(known)]));
  const renamed = renamedSource(source, (name) => current.get(name), currentShape);
  return { temporal: renamed.names().some(isTemporal), source: renamed };
}
