// The times at which the velocity is asked for. t = 0 is noise, t = 1 is data.

/** A schedule's times, `steps + 1` of them from 0 to 1. */
export type Schedule = readonly number[];

/** Equal steps: `i / steps`. */
export function linearSchedule(steps: number): number[] {
  checkSteps('linearSchedule', steps);
  return Array.from({ length: steps + 1 }, (_, i) => i / steps);
}

/**
 * The linear-quadratic schedule (Movie Gen section 3.4.2): the first half of its steps are the first steps of a linear
 * schedule of `n` steps; the second half is quadratic and ends at 1. Value and slope agree where the halves meet.
 * @param n steps of the linear schedule that is imitated, an integer of at least `steps`.
 * @returns `steps + 1` times from 0 to 1.
 */
export function linearQuadraticSchedule(steps: number, n = 250): number[] {
  checkSteps('linearQuadraticSchedule', steps);
  if (!Number.isInteger(n) || n < steps)
    throw new Error(`linearQuadraticSchedule: n must be an integer of at least steps = ${steps}, got ${n}`);
  if (steps === 1) return [0, 1];
  const S = steps;
  const L = Math.floor(S / 2); // linear steps
  const Q = S - L; //             quadratic steps
  const tau = L / n; //           where the two meet
  const d = L - tau * S;
  const a = d / (L * Q ** 2);
  const b = tau / L - (2 * d) / Q ** 2;
  const c = a * L ** 2;
  const f = (i: number) => (i < L ? (i * tau) / L : a * i ** 2 + b * i + c);
  return Array.from({ length: S + 1 }, (_, i) => (i === S ? 1 : f(i)));
}

/** @throws Error where these are not steps. */
export function checkSteps(name: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 1)
    throw new Error(`${name}: steps must be an integer of at least 1, got ${steps}`);
}
