// What the bench asks of another library: the case of a row on resident inputs, by one or more ways that
// the library offers. Each library stands in a file of its own and maps a case to its best calls.
import type { Case, NDArray } from '@moviegen/kernels';

/** One way to compute a case. */
export interface Way {
  /** What is called: `matMul`, `moments + batchNorm`. */
  readonly how: string;
  /** Queues the work once. */
  run(): void | Promise<void>;
  /** Waits for all queued work and lets go of the results. */
  settle(): Promise<void>;
  /** Runs once and gives the result in the layout of ours. */
  result(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** A library beside ours. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Ways to compute the case, each made when asked for; empty where the library has none. */
  ways(item: Case, operands: Readonly<Record<string, NDArray>>): readonly (() => Promise<Way>)[];
}
