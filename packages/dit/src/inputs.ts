// What a forward pass is given: the checks of its shapes, and how many tokens it takes at a time.

import { show } from '@moviegen/kernels';
import type { DType, Tensor, Trace } from '@moviegen/tensor';
import { type DiTConfig, givenChannels } from './config.ts';
import type { Context } from './context.ts';
import type { Grid } from './positions.ts';
import type { TaskRows } from './task.ts';

/** Options of a forward pass. */
export interface ForwardOptions {
  /** Called with every module's output. A traced pass takes all tokens at once. */
  readonly trace?: Trace;
  /**
   * Tokens that the projections and the FFN take at a time; fewer need less memory and read the weights more often. Default:
   * as many as have 256 MiB of hidden values, which is all of them except in the largest generations.
   */
  readonly tokensAtOnce?: number;
  /** What is given beside the latents, by `embedGiven`; where it is left out, nothing is: zeros. */
  readonly given?: Tensor | undefined;
}

/** Options of embedding text. */
export interface ContextOptions extends Pick<ForwardOptions, 'trace'> {
  /** The task of each prompt: a row of its table, by its place in the config's list; the row after them is any task. */
  readonly tasks?: TaskRows | undefined;
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
export function tokenGrid(shape: readonly number[], { outChannels: C, patchSize }: DiTConfig): Grid {
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

/** What is given must have these channels: [B, K, T, H, W]. @throws Error where it does not, or the model takes nothing. */
export function checkGiven(shape: readonly number[], config: DiTConfig): Grid {
  const K = givenChannels(config);
  if (K === 0) throw new Error('dit: this model is given nothing but text: its config has no conditioning');
  if (shape.length !== 5 || shape[1] !== K)
    throw new Error(`dit: given must be [B, ${K}, T, H, W], got ${show(shape)}`);
  return tokenGrid([shape[0]!, config.outChannels, ...shape.slice(2)], config);
}

/** B, where latents, times, text and what is given agree on it. @throws Error where they do not. */
export function batchOf(latents: Tensor, t: Tensor, context: Context, given?: Tensor): number {
  const samples = latents.shape[0]!;
  const B = Math.max(samples, context.batch);
  if (samples !== context.batch && samples !== 1)
    throw new Error(`dit: text of ${context.batch} prompts does not fit ${samples} samples`);
  if (t.rank !== 1 || (t.shape[0] !== 1 && t.shape[0] !== B))
    throw new Error(`dit: t must be [${B}], or [1] for all, got ${show(t.shape)}`);
  if (given && given.shape[0] !== B && given.shape[0] !== 1)
    throw new Error(`dit: given of ${given.shape[0]} samples does not fit ${B}`);
  return B;
}
