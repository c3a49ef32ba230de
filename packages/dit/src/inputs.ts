// What a forward pass is given: the checks of its shapes, and how many tokens it takes at a time.

import { show } from '@moviegen/kernels';
import type { DType, Tensor, Trace } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import type { Context } from './context.ts';
import type { Grid } from './positions.ts';

/** Options of a forward pass. */
export interface ForwardOptions {
  /** Is shown every module's output. A traced pass takes all tokens at once. */
  readonly trace?: Trace;
  /**
   * Tokens that the projections and the FFN take at a time: memory against a little traffic. Default: as many as
   * have hidden values of 256 MiB, which is all of them in any but the largest generations.
   */
  readonly tokensAtOnce?: number;
}

const HIDDEN_BYTES = 256 * 2 ** 20;

/** How many tokens the projections and the FFN take at a time. */
export function tokensAtOnce(
  { ffnHiddenSize, hiddenSize }: DiTConfig,
  dtype: DType,
  { trace, tokensAtOnce }: ForwardOptions,
): number {
  if (trace) return Number.POSITIVE_INFINITY;
  const each = Math.max(ffnHiddenSize, 3 * hiddenSize) * (dtype === 'f16' ? 2 : 4);
  return tokensAtOnce ?? Math.max(1024, Math.floor(HIDDEN_BYTES / each));
}

/** The grid of tokens of latents [B, C, T, H, W]. @throws Error where the latents do not fit the model. */
export function tokenGrid(shape: readonly number[], { inChannels: C, patchSize }: DiTConfig): Grid {
  const came = show(shape);
  if (shape.length !== 5 || shape[1] !== C)
    throw new Error(`dit: latents must be [B, ${C}, T, H, W], got ${came}`);
  const sizes = shape.slice(2);
  sizes.forEach((size, i) => {
    if (size % patchSize[i]! !== 0)
      throw new Error(`dit: latent ${'THW'[i]} must be a multiple of ${patchSize[i]}, got ${came}`);
  });
  return sizes.map((size, i) => size / patchSize[i]!) as unknown as Grid;
}

/** B, where latents, times and text agree on it. @throws Error where they do not. */
export function batchOf(latents: Tensor, t: Tensor, context: Context): number {
  const samples = latents.shape[0]!;
  const B = Math.max(samples, context.batch);
  if (samples !== context.batch && samples !== 1)
    throw new Error(`dit: text of ${context.batch} prompts does not fit ${samples} samples`);
  if (t.rank !== 1 || (t.shape[0] !== 1 && t.shape[0] !== B))
    throw new Error(`dit: t must be [${B}], or [1] for all, got ${show(t.shape)}`);
  return B;
}
