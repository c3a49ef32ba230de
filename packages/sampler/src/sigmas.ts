// Noise levels of diffusion models that predict a flow's velocity: sigma falls from 1, noise, to 0, data, and the model is told
// timesteps of about 1000 sigma. The path is `x = (1 - sigma) data + sigma noise`, its velocity `noise - data`: the other way
// round than in flow.ts.

import { checkSteps } from './schedule.ts';
import type { Scheduler } from './scheduler.ts';

/** The noise levels of a number of steps. */
export interface SigmaSchedule {
  /** One more than steps, falling, 0 at the end; numbers of f32, as diffusers keeps them. */
  readonly sigmas: readonly number[];
  /** What the model is told at each step. */
  readonly timesteps: readonly number[];
}

/** The noise levels of diffusers' schedulers. @throws Error where steps is not an integer of at least 1. */
export function sigmaSchedule(scheduler: Scheduler, steps: number): SigmaSchedule {
  checkSteps('sigmaSchedule', steps);
  return scheduler.kind === 'euler' ? eulerSchedule(scheduler, steps) : uniPCSchedule(scheduler, steps);
}

/** `s u / (1 + (s - 1) u)` */
const shifted = (u: number, s: number): number => (s * u) / (1 + (s - 1) * u);

/** Equal steps from 1 towards 1 / N, shifted. */
function uniPCSchedule({ shift, trainTimesteps: N }: Scheduler, steps: number): SigmaSchedule {
  const step = (1 / N - 1) / steps;
  const sigmas = Array.from({ length: steps }, (_, i) => shifted(1 + i * step, shift));
  const TINY = 1e-6; // 1 itself would be an infinite lambda
  if (Math.abs(sigmas[0]! - 1) < TINY) sigmas[0]! -= TINY;
  return {
    sigmas: [...sigmas.map(Math.fround), 0],
    timesteps: sigmas.map((sigma) => Math.trunc(sigma * N)), // before rounding to f32
  };
}

/**
 * The noise levels of UniPC in Wan's original repository: from 1 - 1 / N towards 0 before the shift.
 * @throws Error where steps is not an integer of at least 1.
 */
export function originalUniPCSchedule({ shift, trainTimesteps: N }: Scheduler, steps: number): SigmaSchedule {
  checkSteps('originalUniPCSchedule', steps);
  const first = Math.fround(1 - 1 / N);
  const sigmas = Array.from({ length: steps }, (_, i) => shifted(first + i * (-first / steps), shift));
  return {
    sigmas: [...sigmas.map(Math.fround), 0],
    timesteps: sigmas.map((sigma) => Math.trunc(sigma * N)),
  };
}

/** Equal steps from 1 to the shifted 1 / N, and shifted: diffusers shifts twice. */
function eulerSchedule({ shift, trainTimesteps: N }: Scheduler, steps: number): SigmaSchedule {
  const least = shiftedF32(1 / N, shift);
  const step = steps > 1 ? (least - 1) / (steps - 1) : 0;
  const even = (i: number) => (i > 0 && i === steps - 1 ? least : 1 + i * step);
  const sigmas = Array.from({ length: steps }, (_, i) => Math.fround(shifted(even(i), shift)));
  return { sigmas: [...sigmas, 0], timesteps: sigmas.map((sigma) => Math.fround(sigma * N)) };
}

/** The shift with every operation in f32. */
function shiftedF32(u: number, s: number): number {
  const x = Math.fround(u);
  const below = Math.fround(1 + Math.fround((s - 1) * x));
  return Math.fround(Math.fround(s * x) / below);
}
