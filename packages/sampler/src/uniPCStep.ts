// One step of UniPC: the correction of the step before, now that its end is predicted, and the step itself. Not here: the weights
// (uniPC.ts).

import type { Tensor } from '@moviegen/tensor';
import { combine } from './combine.ts';
import type { State } from './follow.ts';
import type { UniPCScheduler } from './scheduler.ts';
import type { SigmaSchedule } from './sigmas.ts';
import { corrector, predictor } from './uniPC.ts';

/** The model's velocity at x, in a step of the schedule; it throws once the caller has asked to stop. */
export type Evaluate = (x: Tensor, step: number) => Promise<Tensor>;

/** UniPC's state between two steps; Euler's is x alone. */
export interface UniPCState extends State {
  /** x at the start of the last step, after its correction. */
  readonly y?: Tensor;
  /** The data predicted at the last steps, the latest first. */
  readonly m0?: Tensor;
  readonly m1?: Tensor;
  readonly m2?: Tensor;
  /** Order of the last step. */
  readonly order?: number;
}

/**
 * From the state before a step to the one after it.
 * @param first the step at which sampling started: nothing is known of those before.
 */
export async function uniPCStep(
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
  const m = combine([state.x, await evaluate(state.x, step)], [1, -sigma]);
  const history = [state.m0, state.m1, state.m2].filter((past) => past !== undefined);
  let y = state.x;
  if (state.y !== undefined && !scheduler.disableCorrector.includes(step - 1)) {
    const order = state.order!;
    const weights = corrector(scheduler, order, [sigmas[step - 1]!, sigma], before(step - 1));
    y = combine([state.y, ...history.slice(0, order), m], weights);
  }
  const left = scheduler.lowerOrderFinal ? steps - step : scheduler.order;
  const order = Math.min(scheduler.order, left, step - first + 1);
  const weights = predictor(scheduler, order, [sigma, next], before(step));
  const past = [m, ...history].slice(0, scheduler.order); // the corrector of the next step needs no more
  const [, m1, m2] = past;
  return {
    t: 1 - next,
    x: combine([y, ...past], weights),
    y,
    m0: m,
    order,
    ...(m1 && { m1 }),
    ...(m2 && { m2 }),
  };
}
