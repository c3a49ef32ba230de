// How near a measured time comes to the best that the adapter can do.
import type { Ceilings } from '@moviegen/tensor/checks';

/** What bounds a piece of work on an adapter. */
export interface Bound {
  /** Speed as a share of the adapter's best for work of this intensity; 1 is the roof. */
  readonly share: number;
  readonly by: 'compute' | 'memory';
}

/** The most operations per second in a type; with subgroup matrices where the adapter has them. */
export const peakFlops = ({ flops }: Ceilings, dtype: 'f32' | 'f16'): number =>
  dtype === 'f32' ? flops.f32 : (flops.subgroupMatrix ?? flops.f16 ?? flops.f32);

/** The share of the roof that work of `flops` operations and `bytes` bytes reaches in `ms`. */
export function boundOf(
  ceilings: Ceilings,
  dtype: 'f32' | 'f16',
  { flops, bytes, ms }: { readonly flops: number; readonly bytes: number; readonly ms: number },
): Bound {
  const compute = flops / peakFlops(ceilings, dtype);
  const memory = bytes / ceilings.copyBytes;
  return { share: (1000 * Math.max(compute, memory)) / ms, by: compute > memory ? 'compute' : 'memory' };
}
