// From noise to data along falling noise levels, as diffusers samples flow models (Wan and others): UniPC and Euler. A model is a
// function of x and a timestep. Not here: noise levels (sigmas.ts), a step of UniPC (uniPCStep.ts), the loop (follow.ts).

import { eulerStep, linearCombination, type Tensor } from '@moviegen/tensor';
import { type FollowOptions, follow, type Path, type State } from './follow.ts';
import type { Scheduler } from './scheduler.ts';
import { type SigmaSchedule, sigmaSchedule } from './sigmas.ts';
import { type Evaluate, type UniPCState, uniPCStep } from './uniPCStep.ts';

/** Which step a velocity is asked for, so that a caller may guide some steps and not others. */
export interface SigmaStep {
  /** From 0, counted from the schedule's first step, wherever sampling starts. */
  readonly step: number;
  /** Steps of the schedule. */
  readonly steps: number;
  /** The noise level. */
  readonly sigma: number;
}

/**
 * The model's prediction of `noise - data` at x and a timestep, of x's shape. It may be a tensor that the next call overwrites.
 * Tensors that the function creates are released here.
 */
export type SigmaVelocity = (x: Tensor, timestep: number, at: SigmaStep) => Tensor | Promise<Tensor>;

/** Options of {@link sampleSigmas}. */
export interface SampleSigmasOptions extends FollowOptions {
  readonly scheduler: Scheduler;
  /** Default 50. */
  readonly steps?: number | undefined;
  /** In place of the scheduler's own schedule of so many steps. */
  readonly schedule?: SigmaSchedule | undefined;
  /**
   * Starts in the middle, at data with noise on it: the last `strength` of the steps are made, rounded down. `data` has the
   * shape of the noise; it is read, never changed.
   */
  readonly start?: { readonly data: Tensor; readonly strength: number } | undefined;
}

/**
 * Follows the flow from noise at sigma = 1 to data at sigma = 0. Progress tells `t = 1 - sigma`, and of the steps those that
 * are made.
 * @param noise ~ N(0, I), any shape; read, never changed.
 * @returns the data, of the same shape; the caller owns it.
 * @throws the signal's reason where it was aborted; Error where schedule, steps or strength are not possible.
 */
export async function sampleSigmas(
  velocity: SigmaVelocity,
  noise: Tensor,
  options: SampleSigmasOptions,
): Promise<Tensor> {
  const { scheduler, start, signal } = options;
  const schedule = scheduleOf(options);
  const { sigmas, timesteps } = schedule;
  const steps = timesteps.length;
  const first = start === undefined ? 0 : firstStep(steps, start.strength);
  const at = (done: number) => 1 - sigmas[first + done]!;
  const evaluate: Evaluate = async (x, step) => {
    signal?.throwIfAborted();
    return velocity(x, timesteps[step]!, { step, steps, sigma: sigmas[step]! });
  };
  const begin = (x: Tensor) =>
    start === undefined ? x : linearCombination([start.data, x], [at(0), sigmas[first]!]);
  const path: Path<UniPCState> = {
    steps: steps - first,
    start: async (x) => ({ t: at(0), x: begin(x) }),
    advance: (state, done) => {
      const step = first + done - 1;
      return scheduler.kind === 'euler'
        ? sigmaEulerStep(evaluate, schedule, state, step)
        : uniPCStep(evaluate, schedule, scheduler, state, step, first);
    },
  };
  return follow(noise, options, path);
}

/** `x + (sigma_next - sigma) v` */
async function sigmaEulerStep(
  evaluate: Evaluate,
  { sigmas }: SigmaSchedule,
  { x }: State,
  step: number,
): Promise<State> {
  const [sigma, next] = [sigmas[step]!, sigmas[step + 1]!];
  return { t: 1 - next, x: eulerStep(x, await evaluate(x, step), next - sigma) };
}

/** The first of the last `strength` steps. */
function firstStep(steps: number, strength: number): number {
  const made = Math.floor(steps * strength);
  if (strength > 0 && strength <= 1 && made > 0) return steps - made;
  throw new Error(
    `sampleSigmas: strength must be above 0 and at most 1 and leave a step of ${steps}, got ${strength}`,
  );
}

function scheduleOf({ scheduler, steps, schedule }: SampleSigmasOptions): SigmaSchedule {
  if (schedule === undefined) return sigmaSchedule(scheduler, steps ?? 50);
  const { sigmas, timesteps } = schedule;
  const falls = sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!);
  const top = scheduler.kind === 'unipc' ? sigmas[0]! < 1 : sigmas[0]! <= 1;
  if (sigmas.length < 2 || sigmas.length !== timesteps.length + 1 || !falls || !top || sigmas.at(-1) !== 0)
    throw new Error(
      `sampleSigmas: sigmas fall from ${scheduler.kind === 'unipc' ? 'below 1' : '1'} to 0, one more than timesteps, got [${sigmas.join(', ')}] and ${timesteps.length} timesteps`,
    );
  if (steps !== undefined && steps !== timesteps.length)
    throw new Error(`sampleSigmas: got a schedule of ${timesteps.length} steps and steps = ${steps}`);
  return schedule;
}
