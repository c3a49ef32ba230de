// What a forward pass of the DiT may be told, and how many tokens it takes at a time.

import { show } from '@moviegen/kernels';
import {
  batchOf,
  type DType,
  type Grid,
  PatchEmbed,
  type StepCache,
  type Tensor,
  type Trace,
  tokenGrid,
  tokensWithin,
  type WeightBook,
} from '@moviegen/tensor';
import { type DiTConfig, givenChannels } from './config.ts';
import type { Context } from './context.ts';
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

/** The grid of tokens of latents [B, C, T, H, W]. @throws Error where the latents do not fit the model. */
export const gridOf = (shape: readonly number[], { outChannels, patchSize }: DiTConfig): Grid =>
  tokenGrid('dit', shape, outChannels, patchSize);

/** What is given must have these channels: [B, K, T, H, W]. @throws Error where it does not, or the model takes nothing. */
export function checkGiven(shape: readonly number[], config: DiTConfig): Grid {
  const K = givenChannels(config);
  if (K === 0) throw new Error('dit: this model is given nothing but text: its config has no conditioning');
  if (shape.length !== 5 || shape[1] !== K)
    throw new Error(`dit: given must be [B, ${K}, T, H, W], got ${show(shape)}`);
  return gridOf([shape[0]!, config.outChannels, ...shape.slice(2)], config);
}

/** B, where latents, times, text and what is given agree on it. @throws Error where they do not. */
export function batchIn(latents: Tensor, t: Tensor, context: Context, given?: Tensor): number {
  const B = batchOf('dit', latents, t, context.batch);
  if (given && given.shape[0] !== B && given.shape[0] !== 1)
    throw new Error(`dit: given of ${given.shape[0]} samples does not fit ${B}`);
  return B;
}

/** `patch_embed`, cut in two where the model is given more than X_t. */
export const patchEmbed = (
  weights: WeightBook,
  { patchSize, conditioning, outChannels }: DiTConfig,
  dtype: DType,
): PatchEmbed =>
  new PatchEmbed(
    weights,
    'patch_embed',
    patchSize,
    dtype,
    conditioning === undefined ? undefined : outChannels,
  );
