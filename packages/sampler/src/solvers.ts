// One step of the flow's ordinary differential equation dx/dt = u(x, t), by solvers of fixed step.
// Not here: the loop over steps (sample.ts), the adaptive solver (dopri5.ts), arithmetic (space.ts).

import type { Space } from './space.ts';

/** The velocity as the solvers call it; it throws once the caller has asked to stop. */
export type Evaluate<X> = (x: X, t: number) => Promise<X>;

/** From x at `t` to x at `next`. Every velocity is used before the next one is asked for. */
export type FixedSolver = <X>(space: Space<X>, u: Evaluate<X>, x: X, t: number, next: number) => Promise<X>;

/** First order, one evaluation per step: the paper's choice. */
const euler: FixedSolver = async ({ step }, u, x, t, next) => step(x, await u(x, t), next - t);

/** Second order, two evaluations: the velocity at the middle of the step. */
const midpoint: FixedSolver = async ({ step }, u, x, t, next) => {
  const half = (next - t) / 2;
  const middle = step(x, await u(x, t), half);
  return step(x, await u(middle, t + half), next - t);
};

/** Second order, two evaluations: the mean of the velocities at both ends. */
const heun: FixedSolver = async ({ step }, u, x, t, next) => {
  const first = await u(x, t);
  const end = step(x, first, next - t);
  const halfway = step(x, first, (next - t) / 2);
  return step(halfway, await u(end, next), (next - t) / 2);
};

/** The solvers that take a schedule. */
export const fixedSolvers = { euler, midpoint, heun } as const;
