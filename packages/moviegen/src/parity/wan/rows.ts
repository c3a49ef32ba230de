// The values of a case beside the reference's, row by row in the order of their computation, and the report of them.

import type { Tensor } from '@moviegen/tensor';
import { compareTensors, failed, type TensorDifference } from '../compare.ts';
import type { ParityCase, Values } from '../fixture.ts';
import { type ParityReport, valuesOf } from '../parity.ts';

/**
 * Bound on max|a - b| / max|b| in f32: sums of up to 27,648 terms in another order through a few layers; the angles of the fastest
 * times differ by 4e-5, since PyTorch rounds them.
 */
export const WAN_BOUND = 2e-4;

/** What the bound is multiplied with, where differences add up: latents after steps, and the pixels of a pipeline's video. */
export const LOOSER = { step: 10, video: 25 } as const;

/** Rows of one case. */
export class Rows {
  readonly #rows: {
    readonly label: string;
    readonly difference: Promise<TensorDifference>;
    bound: number;
  }[] = [];
  readonly #bound: number;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /**
   * Compares a value, which need only live until this returns.
   * @param bound default: that of the case
   */
  add(label: string, got: Tensor | Values, expected: Values, bound = this.#bound): void {
    const values = valuesOf(got);
    const difference = values.then((found) => compareTensors(label, found, expected));
    difference.catch(() => {}); // said by report()
    this.#rows.push({ label, difference, bound });
  }

  /** Numbers that must be the same. */
  exact(label: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
    const values = (data: ArrayLike<number>) => ({ shape: [data.length], data });
    this.add(label, values(got), values(expected), 0);
  }

  /** Something that could not be compared, with what is wrong. */
  fail(label: string, problem: string): void {
    this.#rows.push({ label, difference: Promise.resolve(failed(label, problem)), bound: 0 });
  }

  /** @param unreported names of what was not compared */
  async report(fixture: string, name: string, unreported: readonly string[] = []): Promise<ParityReport> {
    let [first, worst]: (TensorDifference | undefined)[] = [];
    for (const row of this.#rows) {
      const difference = await row.difference;
      if (worst === undefined || difference.difference > worst.difference) worst = difference;
      if (first === undefined && !(difference.difference <= row.bound)) first = difference;
    }
    return { fixture, case: name, compared: this.#rows.length, unreported, worst, first };
  }
}

/** The texts of a case: `input.ids` and `input.mask` [B, L], cut where the mask ends. */
export function maskedTexts(given: ParityCase): number[][] {
  const [ids, mask] = [given.values('input.ids'), given.values('input.mask')];
  const [B, L] = ids.shape as [number, number];
  return Array.from({ length: B }, (_, b) =>
    Array.from({ length: L }, (_, i) => b * L + i)
      .filter((at) => mask.data[at] !== 0)
      .map((at) => ids.data[at]!),
  );
}

/** States of texts [B, most tokens, D] in the shape of the reference's [B, L, D]: what is beyond a text is zero in both. */
export function fittedStates(
  states: Values,
  expected: Values,
  lengths: readonly number[],
): { readonly got: Values; readonly wanted: Values } {
  const { shape } = expected;
  const [, L, D] = shape as [number, number, number];
  const within = (values: Values): Values => {
    const longest = values.shape[1]!;
    const data = new Float32Array(expected.data.length);
    for (const [b, length] of lengths.entries())
      for (let i = 0; i < Math.min(length, L) * D; i++)
        data[b * L * D + i] = values.data[b * longest * D + i]!;
    return { shape, data };
  };
  return { got: within(states), wanted: within(expected) };
}
