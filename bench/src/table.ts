// Results as tables for the terminal.
import Table from 'cli-table3';
import type { Change } from './compare.ts';
import type { Result } from './measure.ts';
import type { ModelResult } from './models.ts';
import type { TorchPair } from './torch.ts';

/** A time with its unit. */
export const milliseconds = (ms: number): string => {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} us`;
  return ms < 10_000 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(1)} s`;
};
const figure = (value: number): string => {
  if (value === 0) return '';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
};
const percent = (share: number | undefined): string =>
  share === undefined ? '' : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;

type Cell = string | number;
/** A table whose first `left` columns are text; the others are figures. */
export function tableOf(head: readonly string[], left: number, rows: readonly (readonly Cell[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, k) => (k < left ? 'left' : 'right')),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** Rows of cases, in TFLOP/s if one of them reaches that, else in GFLOP/s. */
export function table(results: readonly Result[]): string {
  const unit = results.some(({ gflops }) => gflops >= 1000) ? 1000 : 1;
  const unchecked = results.some((result) => result.unchecked !== undefined);
  const head = ['op', 'case', 'type', 'variant', 'checked against', 'median', 'p10', 'p90', 'runs'];
  head.push(unit === 1000 ? 'TFLOP/s' : 'GFLOP/s', 'GB/s', 'FLOP/B', 'of the roof', 'error');
  if (unchecked) head.push('unchecked');
  const rows = results.map((result) => [
    ...[result.op, result.name, result.dtype, result.variant, result.check.against],
    ...[milliseconds(result.median), milliseconds(result.p10), milliseconds(result.p90), result.runs],
    ...[figure(result.gflops / unit), figure(result.gbps), figure(result.intensity)],
    result.bound ? `${percent(result.bound.share)} ${result.bound.by}` : '',
    result.check.error?.toExponential(1) ?? '',
    ...(unchecked ? [result.unchecked === undefined ? '' : milliseconds(result.unchecked)] : []),
  ]);
  return tableOf(head, 5, rows);
}

/** Rows of whole models. */
export function modelTable(models: readonly ModelResult[]): string {
  const head = ['model', 'type', 'time by', 'median', 'p10', 'p90', 'runs', 'kernels', 'GFLOP/s', 'GPU busy'];
  const rows = models.map(({ name, dtype, source, median, p10, p90, runs, dispatches, gflops, busy }) => [
    ...[name, dtype, source, milliseconds(median), milliseconds(p10), milliseconds(p90), runs],
    ...[dispatches ?? '', figure(gflops ?? 0), percent(busy)],
  ]);
  return tableOf(head, 3, rows);
}

/** Rows beside the rows of an earlier run. */
export function changeTable(changes: readonly Change[]): string {
  const rows = changes.map(({ row, verdict, before, after, ratio }) => [
    ...[row, verdict, milliseconds(before), milliseconds(after), ratio.toFixed(2)],
  ]);
  return tableOf(['row', 'verdict', 'before', 'after', 'after/before'], 2, rows);
}

/** Rows beside the rows of PyTorch. */
export function torchTable(pairs: readonly TorchPair[]): string {
  const rows = pairs.map(({ row, torchType, backend, ours, torch, ratio }) => [
    ...[row, torchType, backend, milliseconds(ours), milliseconds(torch), ratio.toFixed(2)],
  ]);
  return tableOf(['row', 'PyTorch type', 'backend', 'ours', 'PyTorch', 'PyTorch/ours'], 3, rows);
}
