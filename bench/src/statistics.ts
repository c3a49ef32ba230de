// Order statistics of timings.

/** The value below which a share `p` of the samples lies, interpolated between neighbours. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const [a, b] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return a + (b - a) * (place - below);
}

/** Median and spread. */
export interface Spread {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

/** Median, first and ninth decile. */
export const spread = (samples: readonly number[]): Spread => ({
  median: percentile(samples, 0.5),
  p10: percentile(samples, 0.1),
  p90: percentile(samples, 0.9),
});
