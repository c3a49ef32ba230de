// The costs of a generation by op, counted while it runs on a device that computes nothing. What runs there is in plan.ts.

import type { Kernel } from '@moviegen/kernels';
import type { Ceilings } from '@moviegen/tensor/checks';

/** Kernels of one op. */
export interface OpCosts {
  readonly flops: number;
  /** Bytes of the ranges that its kernels bind, read or written. */
  readonly bytes: number;
  readonly dispatches: number;
  /** The time at the adapter's ceilings; absent if these are unknown. */
  readonly seconds?: number;
}

/** Adds up the costs of dispatches by op. */
export class Tally {
  readonly #ops = new Map<string, { flops: number; bytes: number; dispatches: number; seconds: number }>();
  readonly #ceilings: Ceilings | undefined;

  constructor(ceilings: Ceilings | undefined) {
    this.#ceilings = ceilings;
  }

  /** Counts a dispatch. */
  readonly add = (kernel: Kernel, bytes: number): void => {
    const op = opOf(kernel);
    const sums = this.#ops.get(op) ?? { flops: 0, bytes: 0, dispatches: 0, seconds: 0 };
    sums.flops += kernel.flops ?? 0;
    sums.bytes += bytes;
    sums.dispatches++;
    if (this.#ceilings) sums.seconds += secondsOf(kernel, bytes, this.#ceilings);
    this.#ops.set(op, sums);
  };

  /** The costs since the last call, multiplied by `times`. */
  take(times = 1): Record<string, OpCosts> {
    const entries = [...this.#ops].sort(([, a], [, b]) => b.flops - a.flops || b.bytes - a.bytes);
    this.#ops.clear();
    const costs = entries.map(([op, { seconds, ...rest }]): [string, OpCosts] => [
      op,
      { ...rest, ...(this.#ceilings && { seconds }) },
    ]);
    return repeated(Object.fromEntries(costs), times);
  }
}

const PRODUCTS = ['linear', 'swiglu', 'attention', 'matmul', 'conv'];

/** The op of a kernel: products have their own names; everything that only moves and combines numbers is `other`. */
const opOf = ({ label }: Kernel): string => {
  const first = label.split(' ')[0]!;
  return PRODUCTS.includes(first) ? first : 'other';
};

/** The time of the arithmetic or of the memory traffic, whichever is longer. */
function secondsOf(
  { flops = 0, label }: Kernel,
  bytes: number,
  { flops: peak, copyBytes }: Ceilings,
): number {
  const matrices = / matrix( |$)/.test(label) ? peak.subgroupMatrix : undefined;
  return Math.max(flops / (matrices ?? peak.f32), bytes / copyBytes);
}

/** Floating-point operations of all ops together. */
export const flopsOf = (ops: Readonly<Record<string, OpCosts>>): number =>
  Object.values(ops).reduce((sum, { flops }) => sum + flops, 0);
/** Seconds of all ops together. */
export const secondsIn = (ops: Readonly<Record<string, OpCosts>>): number =>
  Object.values(ops).reduce((sum, { seconds = 0 }) => sum + seconds, 0);
/** The costs of a stretch that is repeated. */
export const repeated = (ops: Readonly<Record<string, OpCosts>>, times: number): Record<string, OpCosts> =>
  Object.fromEntries(
    Object.entries(ops).map(([op, { flops, bytes, dispatches, seconds }]) => [
      op,
      {
        flops: flops * times,
        bytes: bytes * times,
        dispatches: dispatches * times,
        ...(seconds !== undefined && { seconds: seconds * times }),
      },
    ]),
  );
/** The costs of two stretches together, by op. */
export function summed(
  a: Readonly<Record<string, OpCosts>>,
  b: Readonly<Record<string, OpCosts>>,
): Record<string, OpCosts> {
  const sums: Record<string, OpCosts> = { ...a };
  for (const [op, costs] of Object.entries(b)) {
    const before = sums[op];
    sums[op] = before
      ? {
          flops: before.flops + costs.flops,
          bytes: before.bytes + costs.bytes,
          dispatches: before.dispatches + costs.dispatches,
          ...(costs.seconds !== undefined && { seconds: (before.seconds ?? 0) + costs.seconds }),
        }
      : costs;
  }
  return sums;
}
