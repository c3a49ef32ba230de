// What a forward pass of the DiT may be told, and how many tokens it takes at a time.

import { type DType, type StepCache, type Trace, tokensWithin } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';

/** Options of a forward pass. */
export interface ForwardOptions {
  /** Called with every module's output. A traced pass takes all tokens at once. */
  readonly trace?: Trace;
  /**
   * Tokens that the projections and the FFN take at a time; fewer need less memory and read the weights more often. Default:
   * as many as have 256 MiB of hidden values, which is all of them except in the largest generations.
   */
  readonly tokensAtOnce?: number;
}

/** Options of an asynchronous forward pass. */
export interface ForwardAsyncOptions extends ForwardOptions {
  /** Stops within a layer: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Skips most blocks at steps that would hardly change. */
  readonly cache?: StepCache | undefined;
}

/** How many tokens the projections and the FFN take at a time. */
export function tokensAtOnce(
  { ffnHiddenSize, hiddenSize }: DiTConfig,
  dtype: DType,
  { trace, tokensAtOnce }: ForwardOptions,
): number {
  if (trace) return Number.POSITIVE_INFINITY;
  return tokensAtOnce ?? tokensWithin(Math.max(ffnHiddenSize, 3 * hiddenSize), dtype);
}
