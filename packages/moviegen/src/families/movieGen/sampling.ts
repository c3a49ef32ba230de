// How Movie Gen's flow is followed: t from 0, noise, to 1, data, by the paper's schedule and Euler unless the caller says
// otherwise.

import {
  linearQuadraticSchedule,
  linearSchedule,
  pathPoint,
  type Schedule,
  type Solver,
  sample,
} from '@moviegen/sampler';
import { eulerStep, type Tensor } from '@moviegen/tensor';
import { InputError } from '../../errors.ts';
import { type Sampling, type SamplingChoice, type SamplingPath, SCHEDULES } from '../../generate/request.ts';
import { integer, oneOf } from '../../generate/values.ts';
import type { ModelIndex } from './modelIndex.ts';

const SOLVERS = ['euler', 'midpoint', 'heun', 'dopri5'] as const satisfies readonly Solver[];

/** A path whose parts are known: what `sampleOnHost` needs of it. */
export interface FlowPath extends SamplingPath {
  readonly choice: { readonly solver: Solver; readonly schedule?: Schedule; readonly begin: number };
  /** Of the velocity; undefined where the solver chooses its own steps. */
  readonly evaluations: number | undefined;
}

/** Ways whose paths' parts are known. */
export interface FlowSampling extends Sampling {
  path(choice: SamplingChoice): FlowPath;
}

/** The ways of a checkpoint, by the defaults in its index. */
export const samplingOf = (defaults: ModelIndex['sampler']): FlowSampling => ({
  path(choice) {
    const solver = oneOf('solver', choice.solver ?? 'euler', SOLVERS);
    if (choice.shift !== undefined)
      throw new InputError('generate: shift is for Wan; Movie Gen has schedules');
    if (solver === 'dopri5') {
      if (choice.steps !== undefined || choice.schedule !== undefined)
        throw new InputError('generate: dopri5 chooses its own steps: give neither steps nor schedule');
      return pathOf(solver, undefined);
    }
    const steps = integer('steps', choice.steps ?? defaults.steps, 1);
    const name = oneOf('schedule', choice.schedule ?? defaults.schedule, SCHEDULES);
    if (name === 'linear') return pathOf(solver, linearSchedule(steps));
    if (steps > defaults.n)
      throw new InputError(
        `generate: the linear-quadratic schedule has at most ${defaults.n} steps, got ${steps}; use the linear one`,
      );
    return pathOf(solver, linearQuadraticSchedule(steps, defaults.n));
  },
});

/** @param schedule undefined for `dopri5`, which chooses its own times */
function pathOf(solver: Solver, schedule: Schedule | undefined, begin = 0): FlowPath {
  const last = schedule && schedule.length - 1;
  const choice = { solver, ...(schedule && { schedule }), begin };
  return {
    choice,
    evaluations: last && last * (solver === 'euler' ? 1 : 2),
    steps: last,
    begins: begin,
    shortened: () =>
      pathOf(
        solver,
        schedule?.filter((_, i) => i < 2 || i === last),
        begin,
      ),
    from(strength) {
      if (strength === 1) return pathOf(solver, schedule);
      const t0 = 1 - strength;
      return pathOf(solver, schedule && [t0, ...schedule.filter((t) => t > t0)], t0);
    },
    start: (data, noise): Tensor => pathPoint(data, noise, begin),
    follow: (velocity, start, options) => sample(velocity, start, { ...choice, ...options }),
    // Of a solver that chooses its own steps, the flow's time.
    shareAt: (t) => (schedule ? schedule.findLastIndex((each) => each <= t) / last! : t),
    predict: (x, u, t) => eulerStep(x, u, 1 - t),
  };
}
