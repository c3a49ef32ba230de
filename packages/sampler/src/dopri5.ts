// Dormand-Prince 4(5): an explicit Runge-Kutta solver that chooses its own steps, for comparison with the
// schedules. Tableau and step control as in Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I",
// sections II.4 and II.5 (the form that scipy's and torchdiffeq's solvers share). The error norm is formed on the host:
// latents are small beside a model's step.

import type { Evaluate } from './solvers.ts';
import type { Space } from './space.ts';

const NODES = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const STAGES = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84], // the fifth order's weights as well
];
/** Fifth order minus fourth: the estimate of a step's error. */
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

const SAFETY = 0.9;
const MIN_STEP = 1e-7;
const [MIN_FACTOR, MAX_FACTOR] = [0.2, 10];

/** Where the flow stands after an accepted step. */
export interface DormandPrinceState<X> {
  readonly t: number;
  readonly x: X;
  /** u(x, t): the last stage of one step is the first of the next. */
  readonly slope: X;
  /** The step to try next. */
  readonly h: number;
}

/** Allowed error per value: `atol + rtol |x|`. */
export interface Tolerances {
  readonly rtol: number;
  readonly atol: number;
}

/** The state at the start, with a first step by Hairer's rule: two evaluations. */
export async function startDormandPrince<X>(
  space: Space<X>,
  u: Evaluate<X>,
  x: X,
  t: number,
  tolerances: Tolerances,
): Promise<DormandPrinceState<X>> {
  const read = async (one: X) => Float64Array.from(await space.values(one));
  const slope = space.scaled(await u(x, t), 1);
  const [x0, f0] = await Promise.all([read(x), read(slope)]);
  const scale = x0.map((value) => tolerances.atol + tolerances.rtol * Math.abs(value));
  const d0 = rms(x0, scale);
  const d1 = rms(f0, scale);
  const h0 = Math.min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1, 1 - t);
  const f1 = await read(await u(space.step(x, slope, h0), t + h0));
  const d2 =
    rms(
      f1.map((value, i) => value - f0[i]!),
      scale,
    ) / h0;
  const steepest = Math.max(d1, d2);
  const h1 = steepest <= 1e-15 ? Math.max(1e-6, h0 * 1e-3) : (0.01 / steepest) ** (1 / 5);
  return { t, x, slope, h: Math.min(100 * h0, h1, 1 - t) };
}

/** One accepted step, at most to `end`; steps whose error is too large are tried again with a smaller h. */
export async function stepDormandPrince<X>(
  space: Space<X>,
  u: Evaluate<X>,
  state: DormandPrinceState<X>,
  end: number,
  tolerances: Tolerances,
): Promise<DormandPrinceState<X>> {
  const { t, x } = state;
  let h = state.h;
  for (let rejected = false; ; rejected = true) {
    // Not `h < MIN_STEP`: a NaN must stop as well.
    if (!(h >= MIN_STEP))
      throw new Error(`dopri5: the step at t = ${t} fell to ${h}; is the velocity finite and smooth there?`);
    const last = t + h >= end;
    if (last) h = end - t;
    const slopes = [state.slope];
    let next = x;
    for (let stage = 1; stage < STAGES.length; stage++) {
      next = combine(space, x, slopes, STAGES[stage]!, h);
      // The next call may overwrite a velocity, so a velocity that is kept is copied.
      slopes.push(space.scaled(await u(next, stage === 6 && last ? end : t + NODES[stage]! * h), 1));
    }
    const error = await errorNorm(space, x, next, slopes, h, tolerances);
    const factor =
      error === 0 ? MAX_FACTOR : Math.min(MAX_FACTOR, Math.max(MIN_FACTOR, SAFETY * error ** (-1 / 5)));
    if (error <= 1)
      return {
        t: last ? end : t + h,
        x: next,
        slope: slopes[6]!,
        h: h * (rejected ? Math.min(1, factor) : factor),
      };
    h *= factor;
  }
}

/** `x + h sum_i weights_i slopes_i` */
function combine<X>(
  { step }: Space<X>,
  x: X,
  slopes: readonly X[],
  weights: readonly number[],
  h: number,
): X {
  return weights.reduce((sum, weight, i) => (weight === 0 ? sum : step(sum, slopes[i]!, h * weight)), x);
}

/** Root mean square of the estimated error over what is allowed; a step is accepted up to 1. */
async function errorNorm<X>(
  space: Space<X>,
  x: X,
  next: X,
  slopes: readonly X[],
  h: number,
  { rtol, atol }: Tolerances,
): Promise<number> {
  const first = space.scaled(slopes[0]!, h * ERROR[0]!);
  const error = combine(space, first, slopes.slice(1), ERROR.slice(1), h);
  const read = async (one: X) => Float64Array.from(await space.values(one));
  const [x0, x1, e] = await Promise.all([read(x), read(next), read(error)]);
  const scale = x0.map((value, i) => atol + rtol * Math.max(Math.abs(value), Math.abs(x1[i]!)));
  return rms(e, scale);
}

function rms(values: Float64Array, scale: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value, i) => sum + (value / scale[i]!) ** 2, 0) / values.length);
}
