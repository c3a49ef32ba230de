// Results as a table for the terminal.
import Table from 'cli-table3';
import type { Result } from './measure.ts';

export const milliseconds = (ms: number): string =>
  ms < 1 ? `${(ms * 1000).toFixed(0)} us` : `${ms.toFixed(2)} ms`;
const figure = (value: number): string => {
  if (value === 0) return '';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
};

const columns = [
  'op',
  'case',
  'type',
  'variant',
  'median',
  'p10',
  'p90',
  'runs',
  'GFLOP/s',
  'GB/s',
  'checked against',
  'error',
];

/** The table, with its heading line by line. */
export function table(results: readonly Result[]): string {
  const rows = new Table({
    head: columns,
    style: { head: [], border: [], compact: true },
    colAligns: columns.map((_, k) => ((k >= 4 && k <= 9) || k === 11 ? 'right' : 'left')),
  });
  for (const result of results) {
    rows.push([
      result.op,
      result.name,
      result.dtype,
      result.variant,
      milliseconds(result.median),
      milliseconds(result.p10),
      milliseconds(result.p90),
      result.runs,
      figure(result.gflops),
      figure(result.gbps),
      result.check.against,
      result.check.error?.toExponential(1) ?? '',
    ]);
  }
  return rows.toString();
}
