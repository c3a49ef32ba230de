// From noise to data along falling noise levels, as diffusers samples flow models (Wan and others): UniPC and Euler. A model is a
// function of x and a timestep. Not here: noise levels (sigmas.ts), UniPC's weights (uniPC.ts), the loop (follow.ts).

import { eulerStep, linearCombination, type Tensor } from '@moviegen/tensor';
import { type FollowOptions, follow, type Path, type State } from './follow.ts';
import type { Scheduler, UniPCScheduler } from './scheduler.ts';
import { type SigmaSchedule, sigmaSchedule } from './sigmas.ts';
import { corrector, predictor } from './uniPC.ts';

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
        ? eulerAdvance(evaluate, schedule, state, step)
        : uniPCAdvance(evaluate, schedule, scheduler, state, step, first);
    },
  };
  return follow(noise, options, path);
}

type Evaluate = (x: Tensor, step: number) => Promise<Tensor>;

/** UniPC's state between two steps; Euler has x alone. */
interface UniPCState extends State {
  /** x at the start of the last step, after its correction. */
  readonly y?: Tensor;
  /** The data predicted at the last steps, the latest first. */
  readonly m0?: Tensor;
  readonly m1?: Tensor;
  readonly m2?: Tensor;
  /** Order of the last step. */
  readonly order?: number;
}

async function eulerAdvance(
  evaluate: Evaluate,
  { sigmas }: SigmaSchedule,
  { x }: State,
  step: number,
): Promise<State> {
  const [sigma, next] = [sigmas[step]!, sigmas[step + 1]!];
  return { t: 1 - next, x: eulerStep(x, await evaluate(x, step), next - sigma) };
}

async function uniPCAdvance(
  evaluate: Evaluate,
  { sigmas }: SigmaSchedule,
  scheduler: UniPCScheduler,
  state: UniPCState,
  step: number,
  first: number,
): Promise<UniPCState> {
  const steps = sigmas.length - 1;
  const [sigma, next] = [sigmas[step]!, sigmas[step + 1]!];
  /** Sigmas of the two steps before a step. */
  const before = (of: number) => [sigmas[of - 1]!, sigmas[of - 2]!];
  const m = linearCombination([state.x, await evaluate(state.x, step)], [1, -sigma]);
  const history = [state.m0, state.m1, state.m2].filter((past) => past !== undefined);
  let y = state.x;
  if (state.y !== undefined && !scheduler.disableCorrector.includes(step - 1)) {
    const order = state.order!;
    const weights = corrector(scheduler, order, [sigmas[step - 1]!, sigma], before(step - 1));
    y = combined([state.y, ...history.slice(0, order), m], weights);
  }
  const left = scheduler.lowerOrderFinal ? steps - step : scheduler.order;
  const order = Math.min(scheduler.order, left, step - first + 1);
  const weights = predictor(scheduler, order, [sigma, next], before(step));
  const past = [m, ...history].slice(0, scheduler.order); // the corrector of the next step needs no more
  const [, m1, m2] = past;
  return {
    t: 1 - next,
    x: combined([y, ...past], weights),
    y,
    m0: m,
    order,
    ...(m1 && { m1 }),
    ...(m2 && { m2 }),
  };
}

/** The sum of the first tensors, as many as there are weights, without those whose weight is 0. */
function combined(tensors: readonly Tensor[], weights: readonly number[]): Tensor {
  const used = weights
    .map((weight, i) => ({ weight, tensor: tensors[i]! }))
    .filter(({ weight }) => weight !== 0);
  return linearCombination(
    used.map(({ tensor }) => tensor),
    used.map(({ weight }) => weight),
  );
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
