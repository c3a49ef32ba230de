// One step of the flow's ordinary differential equation dx/dt = u(x, t), by solvers of fixed step.
// Not here: the loop over steps (sample.ts), the adaptive solver (dopri5.ts).

import { eulerStep, type Tensor } from '@moviegen/tensor';

/** The velocity as the solvers call it; it throws once the caller has asked to stop. */
export type Evaluate = (x: Tensor, t: number) => Promise<Tensor>;

/** From x at `t` to x at `next`. Every velocity is used before the next one is asked for. */
export type FixedSolver = (u: Evaluate, x: Tensor, t: number, next: number) => Promise<Tensor>;

/** First order, one evaluation per step: the paper's choice. */
const euler: FixedSolver = async (u, x, t, next) => eulerStep(x, await u(x, t), next - t);

/** Second order, two evaluations: the velocity at the middle of the step. */
const midpoint: FixedSolver = async (u, x, t, next) => {
  const half = (next - t) / 2;
  const middle = eulerStep(x, await u(x, t), half);
  return eulerStep(x, await u(middle, t + half), next - t);
};

/** Second order, two evaluations: the mean of the velocities at both ends. */
const heun: FixedSolver = async (u, x, t, next) => {
  const first = await u(x, t);
  const end = eulerStep(x, first, next - t);
  const halfway = eulerStep(x, first, (next - t) / 2);
  return eulerStep(halfway, await u(end, next), (next - t) / 2);
};

/** The solvers that take a schedule. */
export const fixedSolvers = { euler, midpoint, heun } as const;
