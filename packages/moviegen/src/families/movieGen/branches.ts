// The branches of guidance: what each is told and shown, how they are computed, and how their velocities become one. Two are
// classifier-free guidance; three weigh what is shown as well, as InstructPix2Pix does.

import type { Context } from '@moviegen/dit';
import { concat, eulerStep, guidance, slice, sub, type Tensor } from '@moviegen/tensor';

/** One call of the transformer, of one branch or of all as one batch. */
export interface Call {
  readonly context: Context;
  /** By `embedGiven`, for all samples or one for each; undefined where nothing is given. */
  readonly given: Tensor | undefined;
}

/** The calls of one velocity, and the scales of guidance by which their branches are combined. */
export interface Branches {
  readonly calls: readonly Call[];
  /** None for one branch; g for two; g_v, then g, for three. */
  readonly scales: readonly number[];
}

/** All branches, or the prompts' alone, which has a call of its own: the last one. */
export const branchesThat = ({ calls, scales }: Branches, count: number): Branches =>
  count > scales.length ? { calls, scales } : { calls: calls.slice(-1), scales: [] };

/** Latents [B, ...] for a call whose context has more prompts: one sample is shared, several are repeated. */
export function spread(x: Tensor, { context }: Call): Tensor {
  const [B = 1] = x.shape;
  const times = context.batch / B;
  return B === 1 || times === 1 ? x : concat(new Array<Tensor>(times).fill(x), { axis: 0 });
}

/** The guided velocity [B, ...] of the results of all calls, the emptiest branch first. */
export function combined(results: readonly Tensor[], scales: readonly number[]): Tensor {
  const branches = results.length === 1 ? parted(results[0]!, scales.length + 1) : results;
  const [nothing, some, all] = branches as [Tensor, Tensor?, Tensor?];
  if (some === undefined) return nothing;
  const first = guidance(nothing, some, scales[0]!);
  return all === undefined ? first : eulerStep(first, sub(all, some), scales[1]!);
}

/** [n B, ...] as n of [B, ...]. */
function parted(u: Tensor, n: number): Tensor[] {
  if (n === 1) return [u];
  const [rows = 0, ...rest] = u.shape;
  const B = rows / n;
  return Array.from({ length: n }, (_, i) =>
    slice(u, { start: [i * B, ...rest.map(() => 0)], end: [(i + 1) * B, ...rest] }),
  );
}
