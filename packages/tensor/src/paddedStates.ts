// A batch of sequences of unequal length in one tensor: what an encoder of sequences gives. A type only.

import type { Tensor } from './tensor.ts';

/** The states of a batch of sequences, each padded to the length of the longest. */
export interface PaddedStates {
  /** [B, L, D], L the length of the longest sequence; what lies beyond a sequence's own length has no meaning. */
  readonly states: Tensor;
  /** Length of each sequence, B of them; 0 where one is empty. */
  readonly lengths: readonly number[];
}
