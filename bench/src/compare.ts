// Compares two runs of the bench: what became slower by more than noise.
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

/** A smaller change is never reported, however steady the times are. */
const LEAST = 1.05;

/**
 * Rows of both runs. A change counts if the medians differ by 5% and the middle 80% of the times do not overlap, and if that
 * still holds when the earlier times are scaled to the later run's ceilings: if the ceilings moved, the machine changed and
 * not the code.
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

/** How many times as long arithmetic and copying took in the later run, by the ceilings of both; empty without ceilings. */
export function pacesOf({ ceilings: then }: Report, { ceilings: now }: Report): number[] {
  if (!then || !now) return [];
  const rates = [[then.copyBytes, now.copyBytes]];
  for (const [type, rate] of Object.entries(then.flops)) {
    const other = now.flops[type as keyof typeof now.flops];
    if (other !== undefined) rates.push([rate, other]);
  }
  return rates.map(([earlier, later]) => earlier! / later!);
}

/** Rows by what they compute, whatever the variant. Of several variants of a case, the fastest. */
function rowsOf({ results, models }: Report): [string, Spread][] {
  const rows = new Map<string, Spread>();
  for (const result of results) {
    const known = rows.get(keyOf(result));
    if (!known || result.median < known.median) rows.set(keyOf(result), result);
  }
  for (const model of models) rows.set(`${model.name} ${model.dtype}`, model);
  return [...rows];
}

/** Whether two runs used the same adapter; if not, their times say nothing about the code. */
export const sameAdapter = (a: Report, b: Report): boolean =>
  a.adapter.vendor === b.adapter.vendor &&
  a.adapter.architecture === b.adapter.architecture &&
  a.adapter.description === b.adapter.description;
