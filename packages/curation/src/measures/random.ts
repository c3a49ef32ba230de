// Seeded chance, the same on every machine: Philox, as the models' noise.

import { philoxWords } from '@moviegen/kernels';

/** What a draw is for: draws of different purposes are independent. */
export const PURPOSES = { clip: 16, concepts: 17, resampling: 18, shares: 19 } as const;

/** A number from 0 to below 1. @param index which draw of its purpose */
export function uniform(seed: number, purpose: keyof typeof PURPOSES, index: number): number {
  return philoxWords(1, { seed, stream: PURPOSES[purpose], start: index })[0]! / 2 ** 32;
}
