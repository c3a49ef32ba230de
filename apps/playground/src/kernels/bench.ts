// The bench's case list on the device of this page: its ceilings first, then every case that they let hope to end
// soon. Not here: how a case is timed (bench/src/measure.ts), how results are drawn.

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
  /** Median of a run, in milliseconds. */
  readonly ms: number;
  readonly gflops: number;
  readonly gbps: number;
  /** Operations a byte. */
  readonly intensity: number;
  /** Share of what the ceilings allow at that intensity. */
  readonly share: number;
}

/** An adapter's ceilings, a second, in the type that is timed. */
export interface Roof {
  readonly flops: number;
  readonly bytes: number;
  readonly dtype: 'f32' | 'f16';
}

/** How far the bench is. */
export interface BenchNews {
  readonly done: number;
  readonly total: number;
  /** What the adapter can do at most, once it is known. */
  readonly roof?: Roof;
  readonly row?: BenchRow;
}

/** The end of a bench. */
export interface BenchReport {
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

/** Times the case list. @throws ProblemError; the signal's reason where aborted. */
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

/** Milliseconds that a case may take. */
const guess = ({ flops, bytes }: Case, dtype: BenchAsk['dtype'], ceilings: Ceilings): number =>
  (1000 * Math.max(flops / peakFlops(ceilings, dtype), bytes / ceilings.copyBytes)) / GUESS;

function rowOf({ op, name, variant, median, gflops, gbps, intensity, bound }: Result): BenchRow {
  return { op, name, variant, ms: median, gflops, gbps, intensity, share: bound?.share ?? Number.NaN };
}
