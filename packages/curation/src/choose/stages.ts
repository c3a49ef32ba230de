// The paper's three sets, each stricter than the one before. What is marked [ours] completes what the paper leaves open.

import type { Shares } from './shares.ts';

/** What a stage changes. */
export interface Stage extends Shares {
  /** Pixels of the shorter side, at least. */
  readonly size: number;
}

/** By their number. Resampling by concepts, and people found by retrieval, need models; here people are found by captions. [ours] */
export const STAGES: Readonly<Record<1 | 2 | 3, Stage>> = {
  1: { size: 720, landscape: 0.6 },
  2: { size: 768, landscape: 0.8 },
  3: { size: 768, landscape: 0.8, people: 0.6 },
};
