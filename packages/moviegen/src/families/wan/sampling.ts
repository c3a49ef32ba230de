// How Wan's noise becomes data: by the scheduler of the checkpoint's files, or the other one, with a shift. Times are those that
// the transformer is given: 1000 is noise, 0 data.

import {
  parseScheduler,
  type Scheduler,
  type SigmaSchedule,
  sampleSigmas,
  sigmaSchedule,
} from '@moviegen/sampler';
import { eulerStep, linearCombination } from '@moviegen/tensor';
import { InputError, shown } from '../../errors.ts';
import type { Sampling, SamplingPath } from '../../generate/request.ts';
import { integer, oneOf } from '../../generate/values.ts';

const SOLVERS = ['unipc', 'euler'] as const;

/** The ways of a checkpoint. @param json the parsed `scheduler_config.json` @throws ConfigError where it is not supported */
export function samplingOf(json: unknown, defaults: { readonly steps: number }): Sampling {
  const own = parseScheduler(json);
  return {
    path(choice) {
      if (choice.schedule !== undefined)
        throw new InputError('generate: schedule is for Movie Gen; Wan has a shift');
      const steps = integer('steps', choice.steps ?? defaults.steps, 1);
      const { shift = own.shift } = choice;
      if (!(Number.isFinite(shift) && shift > 0))
        throw new InputError(`generate: shift must be a number above 0, got ${shown(shift)}`);
      const solver = oneOf('solver', choice.solver ?? own.kind, SOLVERS);
      const scheduler = { ...(solver === own.kind ? own : schedulers[solver]), shift };
      return pathOf(scheduler, sigmaSchedule(scheduler, steps), 1);
    },
  };
}

/** Diffusers' own choices, where a checkpoint has the other scheduler. */
const schedulers: Readonly<Record<(typeof SOLVERS)[number], Scheduler>> = {
  unipc: {
    kind: 'unipc',
    shift: 1,
    trainTimesteps: 1000,
    order: 2,
    variant: 'bh2',
    lowerOrderFinal: true,
    disableCorrector: [],
  },
  euler: { kind: 'euler', shift: 1, trainTimesteps: 1000 },
};

/** @param strength the share of the steps that is made: the last ones */
function pathOf(scheduler: Scheduler, whole: SigmaSchedule, strength: number): SamplingPath {
  const all = whole.timesteps.length;
  const first = all - Math.max(1, Math.floor(all * strength));
  const schedule = { sigmas: whole.sigmas.slice(first), timesteps: whole.timesteps.slice(first) };
  const [sigma, steps] = [schedule.sigmas[0]!, schedule.timesteps.length];
  return {
    steps,
    begins: schedule.timesteps[0]!,
    shortened() {
      const kept = (_: number, i: number) => i < 2;
      const timesteps = schedule.timesteps.filter(kept);
      return pathOf(
        scheduler,
        { sigmas: [...schedule.sigmas.filter(kept).slice(0, timesteps.length), 0], timesteps },
        1,
      );
    },
    from: (share) => pathOf(scheduler, whole, share),
    start: (data, noise) => linearCombination([data, noise], [1 - sigma, sigma]),
    follow: (velocity, start, { signal, onStep }) =>
      sampleSigmas(velocity, start, { scheduler, schedule, signal, onStep }),
    shareAt: (time) => schedule.timesteps.filter((each) => each > time).length / steps,
    predict: (x, v, time) => eulerStep(x, v, -time / scheduler.trainTimesteps),
  };
}
