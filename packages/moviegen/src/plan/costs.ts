// What a generation costs, part by part, counted while it runs on a device that computes nothing.

import type { Kernel } from '@moviegen/kernels';
import type { Ceilings } from '@moviegen/tensor/checks';

/** Kernels of one op. */
export interface OpCosts {
  readonly flops: number;
  /** Bytes that its kernels name, read and written. */
  readonly bytes: number;
  readonly dispatches: number;
  /** At the ceilings; absent without any. */
  readonly seconds?: number;
}

/** What the dispatches since a moment cost, by op. */
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

  /** What has been counted since the last call, `times` over. */
  take(times = 1): Record<string, OpCosts> {
    const entries = [...this.#ops].sort(([, a], [, b]) => b.flops - a.flops || b.bytes - a.bytes);
    this.#ops.clear();
    return Object.fromEntries(
      entries.map(([op, { flops, bytes, dispatches, seconds }]) => [
        op,
        {
          ...{ flops: flops * times, bytes: bytes * times, dispatches: dispatches * times },
          ...(this.#ceilings && { seconds: seconds * times }),
        },
      ]),
    );
  }
}

const PRODUCTS = ['linear', 'swiglu', 'attention', 'matmul', 'conv'];

/** The op of a kernel: products by name, everything that only moves and combines numbers together. */
const opOf = ({ label }: Kernel): string => {
  const first = label.split(' ')[0]!;
  return PRODUCTS.includes(first) ? first : 'other';
};

/** The longer of what the arithmetic and the traffic take. */
function secondsOf(
  { flops = 0, label }: Kernel,
  bytes: number,
  { flops: peak, copyBytes }: Ceilings,
): number {
  const matrices = / matrix( |$)/.test(label) ? peak.subgroupMatrix : undefined;
  return Math.max(flops / (matrices ?? peak.f32), bytes / copyBytes);
}

/** Sums over ops. */
export const flopsOf = (ops: Readonly<Record<string, OpCosts>>): number =>
  Object.values(ops).reduce((sum, { flops }) => sum + flops, 0);
export const secondsIn = (ops: Readonly<Record<string, OpCosts>>): number =>
  Object.values(ops).reduce((sum, { seconds = 0 }) => sum + seconds, 0);
