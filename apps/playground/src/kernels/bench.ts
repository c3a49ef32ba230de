// The bench's case list on this page's device: first the ceilings, then every case that should be quick by these
// ceilings. Not here: how a case is timed (bench/src/measure.ts), how results are drawn.

import { benchCases, measure, peakFlops, type Result } from '@moviegen/bench';
import type { Case } from '@moviegen/kernels';
import type { Device } from '@moviegen/tensor';
import { type Ceilings, measureCeilings } from '@moviegen/tensor/checks';
import { ProblemError } from '../problem.ts';

/** What to measure. */
export interface BenchAsk {
  /** Only cases whose op and name hold this. */
  readonly filter: string;
  readonly dtype: 'f32' | 'f16';
  /** Also the cases that take long on this adapter. */
  readonly all: boolean;
}

/** A case that was timed. */
export interface BenchRow {
  readonly op: string;
  readonly name: string;
  readonly variant: string;
  /** Milliseconds per run, the median. */
  readonly ms: number;
  readonly gflops: number;
  readonly gbps: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** Share of what the ceilings allow at that intensity. */
  readonly share: number;
}

/** An adapter's ceilings per second, in the type that is timed. */
export interface Roof {
  readonly flops: number;
  readonly bytes: number;
  readonly dtype: 'f32' | 'f16';
}

/** How far the bench is. */
export interface BenchNews {
  readonly done: number;
  readonly total: number;
  /** The best that the adapter can do, once it is known. */
  readonly roof?: Roof;
  readonly row?: BenchRow;
}

/** The result of a bench. */
export interface BenchReport {
  /** Whose clock measured the times. */
  readonly source: 'gpu' | 'host';
  /** How many cases were left out because they would take long. */
  readonly skipped: number;
  /** Messages about cases whose result was wrong. */
  readonly wrong: readonly string[];
}

/** Options of a bench. */
export interface BenchOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (news: BenchNews) => Promise<void>;
}

/** A case whose runs would take longer than this is left out, unless all are asked for. */
const PATIENCE_MS = 100;
/** The share of its ceiling that a kernel is expected to reach before it is measured. */
const GUESS = 0.25;
const BUDGET = { runs: 20, time: 300 };

/** Times the case list. @throws ProblemError, or the signal's reason if aborted */
export async function runBench(device: Device, ask: BenchAsk, options: BenchOptions): Promise<BenchReport> {
  const { filter, dtype, all } = ask;
  const { signal, onProgress } = options;
  const { software, f16 } = device.target;
  if (dtype === 'f16' && !f16) throw new ProblemError('wrong-input', 'this adapter has no 16-bit floats');
  const wanted = benchCases(software).filter(({ op, name }) => `${op} ${name}`.includes(filter));
  if (wanted.length === 0) throw new ProblemError('wrong-input', `no case holds “${filter}”`);
  await onProgress({ done: 0, total: wanted.length });
  const ceilings = await measureCeilings(device, { signal });
  const chosen = wanted.filter((item) => all || guess(item, dtype, ceilings) <= PATIENCE_MS);
  const roof = { flops: peakFlops(ceilings, dtype), bytes: ceilings.copyBytes, dtype };
  await onProgress({ done: 0, total: chosen.length, roof });
  const wrong: string[] = [];
  let source: BenchReport['source'] = 'host';
  for (const [i, item] of chosen.entries()) {
    const done = { done: i + 1, total: chosen.length };
    try {
      const result = await measure(device, item, { dtype }, { ...BUDGET, ceilings, signal });
      source = result.source;
      await onProgress({ ...done, row: rowOf(result) });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Error && error.name === 'DeviceLostError') throw error;
      wrong.push(error instanceof Error ? error.message : String(error));
      await onProgress(done);
    }
  }
  device.trim();
  return { source, skipped: wanted.length - chosen.length, wrong };
}

/** Milliseconds that a case probably takes. */
const guess = ({ flops, bytes }: Case, dtype: BenchAsk['dtype'], ceilings: Ceilings): number =>
  (1000 * Math.max(flops / peakFlops(ceilings, dtype), bytes / ceilings.copyBytes)) / GUESS;

function rowOf({ op, name, variant, median, gflops, gbps, intensity, bound }: Result): BenchRow {
  return { op, name, variant, ms: median, gflops, gbps, intensity, share: bound?.share ?? Number.NaN };
}
