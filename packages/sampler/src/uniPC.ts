// The updates of UniPC for models that predict data (Zhao et al. 2023, algorithms 5 to 8, "UniP" and "UniC"), as weights of tensors,
// in f64 on the host. Here a flow's velocity v gives the data: m = x - sigma v.
//
// Legend: lambda = ln((1 - sigma) / sigma), h its increase over a step, E = expm1(-h), B the paper's B(h), m0 the data predicted at the
// start of the step, m1 and m2 those of the two steps before, mt the one at its end.

import type { UniPCScheduler } from './scheduler.ts';

type Scheme = Pick<UniPCScheduler, 'variant'>;

/** Weights of the tensors whose sum is the next x: of x at the start of the step, then of m0, m1 and m2, as many as the order. */
export type Weights = readonly number[];

const lambda = (sigma: number): number => Math.log((1 - sigma) / sigma);

/**
 * From sigma `from` to `to`, of an order up to 3.
 * @param before sigmas of m1 and m2, for orders 2 and 3.
 */
export function predictor(
  scheme: Scheme,
  order: number,
  [from, to]: readonly [number, number],
  before: readonly number[],
): Weights {
  if (to === 0) return [0, 1]; // lambda is infinite there, and the formula's limit is m0
  const step = stepOf(scheme, order, from, to, before);
  const { ratios, moments } = step;
  // The system's last row and column belong to the corrector. Order 2 has a half by the paper's choice, not its solution.
  const rhos = order === 2 ? [0.5] : solve(vandermonde(ratios), moments.slice(0, -1));
  return weightsOf(step, rhos, 0).slice(0, -1);
}

/** The same step again, now that mt is known: the weights of y, x at its start, then m0, m1, m2, and at last mt. */
export function corrector(
  scheme: Scheme,
  order: number,
  [from, to]: readonly [number, number],
  before: readonly number[],
): Weights {
  const step = stepOf(scheme, order, from, to, before);
  const rhos = order === 1 ? [0.5] : solve(vandermonde([...step.ratios, 1]), step.moments);
  return weightsOf(step, rhos.slice(0, -1), rhos.at(-1)!);
}

interface Step {
  /** sigma_to / sigma_from. */
  readonly keep: number;
  /** 1 - sigma_to. */
  readonly alpha: number;
  readonly E: number;
  readonly B: number;
  /** Of m1 and m2: where they lie on lambda, in steps from m0; below 0. */
  readonly ratios: readonly number[];
  /** The right side of the system, one per order. */
  readonly moments: readonly number[];
}

function stepOf(
  { variant }: Scheme,
  order: number,
  from: number,
  to: number,
  before: readonly number[],
): Step {
  const h = lambda(to) - lambda(from);
  const E = Math.expm1(-h);
  const B = variant === 'bh1' ? -h : E;
  const moments: number[] = [];
  let [phi, factorial] = [E / -h - 1, 1];
  for (let k = 1; k <= order; k++) {
    moments.push((phi * factorial) / B);
    factorial *= k + 1;
    phi = phi / -h - 1 / factorial;
  }
  const ratios = before.slice(0, order - 1).map((sigma) => (lambda(sigma) - lambda(from)) / h);
  return { keep: to / from, alpha: 1 - to, E, B, ratios, moments };
}

/** `keep y - alpha E m0 - alpha B (sum_k rho_k (m_k - m0) / r_k + last (mt - m0))`, by tensor. */
function weightsOf({ keep, alpha, E, B, ratios }: Step, rhos: readonly number[], last: number): number[] {
  const slopes = ratios.map((ratio, k) => rhos[k]! / ratio);
  const all = slopes.reduce((sum, slope) => sum + slope, last);
  return [keep, alpha * (B * all - E), ...slopes.map((slope) => -alpha * B * slope), -alpha * B * last];
}

/** Powers 0, 1, ... of the ratios, one row per power. */
const vandermonde = (ratios: readonly number[]): number[][] =>
  ratios.map((_, power) => ratios.map((ratio) => ratio ** power));

/** x of A x = b, by elimination; A has at most three rows, and its ratios differ. */
function solve(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  const n = A.length;
  const rows = A.map((row, i) => [...row, b[i]!]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]!;
    for (const [j, row] of rows.entries()) {
      if (j === i) continue;
      const factor = row[i]! / pivot[i]!;
      for (let c = i; c <= n; c++) row[c]! -= factor * pivot[c]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}
