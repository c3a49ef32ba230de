// Two runs of the bench beside each other: what became slower by more than noise.
import { keyOf, type Report } from './report.ts';
import type { Spread } from './statistics.ts';

/** A row that both runs have. */
export interface Change {
  readonly row: string;
  readonly before: number;
  readonly after: number;
  /** after / before. */
  readonly ratio: number;
  readonly verdict: 'slower' | 'faster' | 'same';
}

/** A change of less is never told, however steady the times are. */
const LEAST = 1.05;

/**
 * Rows of both runs. A change counts where medians differ by 5% and the middle 80% of the times lie apart, also when the
 * earlier times are taken at the later run's pace: ceilings that moved are the machine, not the code.
 */
export function compareReports(before: Report, after: Report): Change[] {
  const old = new Map(rowsOf(before));
  const paces = [1, ...pacesOf(before, after)];
  const [quickest, slowest] = [Math.min(...paces), Math.max(...paces)];
  return rowsOf(after).flatMap(([row, now]) => {
    const then = old.get(row);
    if (!then) return [];
    const ratio = now.median / then.median;
    const verdict =
      ratio > LEAST * slowest && now.p10 > then.p90 * slowest
        ? 'slower'
        : ratio < quickest / LEAST && now.p90 < then.p10 * quickest
          ? 'faster'
          : 'same';
    return [{ row, before: then.median, after: now.median, ratio, verdict }];
  });
}

/** By how much arithmetic and copying, by each run's own ceilings, took longer in the later one; none where it has none. */
export function pacesOf({ ceilings: then }: Report, { ceilings: now }: Report): number[] {
  if (!then || !now) return [];
  const rates = [[then.copyBytes, now.copyBytes]];
  for (const [type, rate] of Object.entries(then.flops)) {
    const other = now.flops[type as keyof typeof now.flops];
    if (other !== undefined) rates.push([rate, other]);
  }
  return rates.map(([earlier, later]) => earlier! / later!);
}

/** Rows by what they compute; the variant may have changed. Of several variants of a case, the fastest. */
function rowsOf({ results, models }: Report): [string, Spread][] {
  const rows = new Map<string, Spread>();
  for (const result of results) {
    const known = rows.get(keyOf(result));
    if (!known || result.median < known.median) rows.set(keyOf(result), result);
  }
  for (const model of models) rows.set(`${model.name} ${model.dtype}`, model);
  return [...rows];
}

/** Whether two runs are of one adapter: else their times say nothing of the code. */
export const sameAdapter = (a: Report, b: Report): boolean =>
  a.adapter.vendor === b.adapter.vendor &&
  a.adapter.architecture === b.adapter.architecture &&
  a.adapter.description === b.adapter.description;
