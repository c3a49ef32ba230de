// Measures beside people's votes. The paper says that FVD, IS and the like do not follow human judgement, without figures; the report
// repeats that beside the figures that are of their kind.

import { type Net, netOf } from './report.ts';

/** A figure of both sides. */
export interface AutomaticAxis {
  readonly title: string;
  readonly a: number | undefined;
  readonly b: number | undefined;
  readonly better: 'higher' | 'lower';
  /** Wins and losses of A, pair by pair, where the figure is one of pairs. */
  readonly net?: Net;
  readonly note?: string;
}

/** What is said of figures that compare distributions or features. */
export const NOT_HUMAN =
  'the paper found FVD, IS and the like not to follow human judgement (no figures given); read this as a check, not as a verdict';

/** What gives embeddings of pictures and texts into one space, as CLIP does. */
export interface ClipModel {
  /** One embedding per frame of [T, H, W, 3]. */
  embed(frames: {
    readonly data: Uint8Array<ArrayBuffer>;
    readonly shape: readonly [number, number, number, 3];
  }): Promise<readonly ArrayLike<number>[]>;
  /** Undefined where the model has no text tower. */
  readonly embedText?: (text: string) => Promise<ArrayLike<number>>;
}

/** The cosine of two vectors. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return product / Math.sqrt(aa * bb);
}

/** The mean cosine of neighbouring frames; 1 for a single one. */
export function frameConsistency(frames: readonly ArrayLike<number>[]): number {
  if (frames.length < 2) return 1;
  return mean(frames.slice(1).map((frame, k) => cosine(frames[k]!, frame)));
}

/** The mean cosine of a prompt and frames. */
export const promptSimilarity = (prompt: ArrayLike<number>, frames: readonly ArrayLike<number>[]): number =>
  mean(frames.map((frame) => cosine(prompt, frame)));

/** An axis of one figure per pair: means, and who wins how many. */
export function pairedAxis(
  title: string,
  better: AutomaticAxis['better'],
  values: readonly (readonly [a: number, b: number])[],
  note?: string,
): AutomaticAxis {
  const sign = better === 'higher' ? 1 : -1;
  const verdicts = values.map(([a, b], pair) => {
    const difference = sign * (a - b);
    return [pair, difference > 0 ? 'A' : difference < 0 ? 'B' : 'tie'] as const;
  });
  return {
    title,
    better,
    a: mean(values.map(([a]) => a)),
    b: mean(values.map(([, b]) => b)),
    net: netOf(new Map(verdicts)),
    ...(note !== undefined && { note }),
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
