// The bench's case list on the device of this page: its ceilings first, then every case that they let hope to end
// soon. Not here: how a case is timed (bench/src/measure.ts), how results are drawn.

import { type Case, cases } from '@moviegen/kernels';
import { type Ceilings, type Device, measureCeilings } from '@moviegen/tensor';
import { measure, type Result } from '../../../../bench/src/measure.ts';
import { ProblemError } from '../problem.ts';

/** What to measure. */
export interface BenchAsk {
  /** Only cases whose op and name hold this. */
  readonly filter: string;
  /** Also the cases that take long on this adapter. */
  readonly all: boolean;
}

/** A case that was timed. */
export interface BenchRow {
  readonly op: string;
  readonly name: string;
  readonly variant: string;
  /** Median of a run, in milliseconds. */
  readonly ms: number;
  readonly gflops: number;
  readonly gbps: number;
  /** Operations a byte. */
  readonly intensity: number;
  /** Share of what the ceilings allow at that intensity. */
  readonly share: number;
}

/** How far the bench is. */
export interface BenchNews {
  readonly done: number;
  readonly total: number;
  readonly ceilings?: Ceilings;
  readonly row?: BenchRow;
}

/** The end of a bench. */
export interface BenchReport {
  readonly ceilings: Ceilings;
  /** Whose clock. */
  readonly source: 'gpu' | 'host';
  /** Cases left out since they would take long. */
  readonly skipped: number;
  /** Cases whose result was wrong, in words. */
  readonly wrong: readonly string[];
}

/** Options of a bench. */
export interface BenchOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (news: BenchNews) => Promise<void>;
}

/** A case that would take longer than this a run is left out, unless all are asked for. */
const PATIENCE_MS = 100;
/** What share of its ceiling a kernel is guessed to reach, before it was measured. */
const GUESS = 0.25;
const BUDGET = { runs: 20, time: 300 };

/** Times the case list. @throws the signal's reason where aborted. */
export async function runBench(
  device: Device,
  { filter, all }: BenchAsk,
  options: BenchOptions,
): Promise<BenchReport> {
  const { signal, onProgress } = options;
  const timed = cases.filter(({ use, op, name }) => use !== 'test' && `${op} ${name}`.includes(filter));
  if (timed.length === 0) throw new ProblemError('wrong-input', `no case holds “${filter}”`);
  await onProgress({ done: 0, total: timed.length });
  const ceilings = await measureCeilings(device, { signal });
  const chosen = timed.filter((item) => all || guess(item, ceilings) <= PATIENCE_MS);
  await onProgress({ done: 0, total: chosen.length, ceilings });
  const wrong: string[] = [];
  let source: BenchReport['source'] = 'host';
  for (const [i, item] of chosen.entries()) {
    signal.throwIfAborted();
    const done = { done: i + 1, total: chosen.length };
    try {
      const result = await measure(device, item, {}, BUDGET);
      source = result.source;
      await onProgress({ ...done, row: rowOf(item, result, ceilings) });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Error && error.name === 'DeviceLostError') throw error;
      wrong.push(error instanceof Error ? error.message : String(error));
      await onProgress(done);
    }
  }
  device.trim();
  return { ceilings, source, skipped: timed.length - chosen.length, wrong };
}

/** Milliseconds that a case may take. */
const guess = ({ flops, bytes }: Case, ceilings: Ceilings): number =>
  (1000 * Math.max(flops / ceilings.flops.f32, bytes / ceilings.copyBytes)) / GUESS;

function rowOf(
  { flops, bytes }: Case,
  { op, name, variant, median, gflops, gbps }: Result,
  ceilings: Ceilings,
): BenchRow {
  const best = 1000 * Math.max(flops / ceilings.flops.f32, bytes / ceilings.copyBytes);
  return { op, name, variant, ms: median, gflops, gbps, intensity: flops / bytes, share: best / median };
}
