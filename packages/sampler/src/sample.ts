// From noise to data by a schedule of times and a solver, on the device or on the host. It knows a model only as a velocity. Not
// here: the loop (follow.ts).

import type { Tensor } from '@moviegen/tensor';
import { type DormandPrinceState, startDormandPrince, stepDormandPrince } from './dopri5.ts';
import { type FollowOptions, follow, type SampleProgress } from './follow.ts';
import type { Velocity } from './guidance.ts';
import { linearQuadraticSchedule, type Schedule } from './schedule.ts';
import { type Evaluate, fixedSolvers } from './solvers.ts';
import { onDevice, onHost, type Space } from './space.ts';

/** A solver of the flow's equation; `dopri5` chooses its own steps. */
export type Solver = keyof typeof fixedSolvers | 'dopri5';

/** Options of `sample`. */
export interface SampleOptions extends FollowOptions {
  /** Default 50. Not for `dopri5`. */
  readonly steps?: number;
  /** Where on the path sampling begins: 0, noise, by default; later where data shows already. */
  readonly begin?: number;
  /** Times from `begin` to 1, or a function of the steps; the default is `linearQuadraticSchedule`. Not for `dopri5`. */
  readonly schedule?: Schedule | ((steps: number) => Schedule);
  /** Default `euler`. */
  readonly solver?: Solver;
  /** Tolerances of `dopri5`; 1e-5 each by default. */
  readonly rtol?: number;
  readonly atol?: number;
}

/**
 * Follows the flow from noise at t = 0, or from a later point, to data at t = 1.
 * @param noise X_0 ~ N(0, I), any shape, or X at `begin`; read, never changed.
 * @returns X_1, of the same shape; the caller owns it.
 * @throws the signal's reason where it was aborted; Error where schedule, steps or solver are not possible.
 */
export async function sample(
  velocity: Velocity,
  noise: Tensor,
  options: SampleOptions = {},
): Promise<Tensor> {
  return follow(noise, options, pathOf(onDevice, velocity, options));
}

/** The velocity of numbers on the host; it may be an array that the next call overwrites. */
export type HostVelocity = (
  x: Float32Array<ArrayBuffer>,
  t: number,
) => Float32Array<ArrayBuffer> | Promise<Float32Array<ArrayBuffer>>;

/** Options of {@link sampleOnHost}. */
export interface HostSampleOptions extends Omit<SampleOptions, 'onStep'> {
  /** Called after each step. */
  readonly onStep?: (progress: Omit<SampleProgress, 'latents'>) => void | Promise<void>;
}

/**
 * The same for a state that stays on the host, since it is too large for the device: the velocity takes it there in parts.
 * @returns a new array.
 */
export async function sampleOnHost(
  velocity: HostVelocity,
  noise: Float32Array<ArrayBuffer>,
  options: HostSampleOptions = {},
): Promise<Float32Array<ArrayBuffer>> {
  const { signal, onStep } = options;
  const path = pathOf(onHost, velocity, options);
  signal?.throwIfAborted();
  let state = await path.start(noise);
  for (let step = 1; state.t < 1; step++) {
    state = await path.advance(state, step);
    signal?.throwIfAborted();
    await onStep?.({ step, steps: path.steps, t: state.t });
  }
  return state.x;
}

function pathOf<X>(
  space: Space<X>,
  velocity: (x: X, t: number) => X | Promise<X>,
  options: Omit<SampleOptions, 'onStep'>,
): Path<X> {
  const { solver = 'euler', begin = 0, signal, rtol = 1e-5, atol = 1e-5 } = options;
  const u: Evaluate<X> = async (x, t) => {
    signal?.throwIfAborted();
    return velocity(x, t);
  };
  if (solver === 'dopri5') {
    if (options.steps !== undefined || options.schedule !== undefined)
      throw new Error('sample: dopri5 chooses its own steps: give neither steps nor schedule');
    return {
      start: (x) => startDormandPrince(space, u, x, begin, { rtol, atol }),
      advance: (state) => stepDormandPrince(space, u, state as DormandPrinceState<X>, 1, { rtol, atol }),
    };
  }
  const solve = fixedSolvers[solver];
  if (solve === undefined) {
    const known = [...Object.keys(fixedSolvers), 'dopri5'].join(', ');
    throw new Error(`sample: unknown solver ${JSON.stringify(solver)}, expected one of ${known}`);
  }
  const times = timesOf(options);
  return {
    steps: times.length - 1,
    start: async (x) => ({ t: begin, x }),
    advance: async ({ x }, step) => ({
      t: times[step]!,
      x: await solve(space, u, x, times[step - 1]!, times[step]!),
    }),
  };
}

/** The state of a solver: the flow's time, X_t, and whatever else it needs for the next step. */
interface State<X> {
  readonly t: number;
  readonly x: X;
}

interface Path<X> {
  readonly steps?: number;
  start(x: X): Promise<State<X>>;
  /** @param state what `start` or `advance` gave. */
  advance(state: State<X>, step: number): Promise<State<X>>;
}

function timesOf({
  steps,
  begin = 0,
  schedule = linearQuadraticSchedule,
}: Omit<SampleOptions, 'onStep'>): Schedule {
  const times = typeof schedule === 'function' ? schedule(steps ?? 50) : schedule;
  if (steps !== undefined && times.length !== steps + 1)
    throw new Error(`sample: a schedule of ${steps} steps has ${steps + 1} times, got ${times.length}`);
  const rises = times.every((t, i) => i === 0 || t > times[i - 1]!);
  if (times.length < 2 || times[0] !== begin || times.at(-1) !== 1 || !rises)
    throw new Error(`sample: a schedule rises from ${begin} to 1, got [${times.join(', ')}]`);
  return times;
}
