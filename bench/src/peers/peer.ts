// What the bench needs from another library: a row's case computed from inputs on the GPU, in one or more of the ways
// that the library offers. Each library has its own file, which maps a case to the library's best calls.
import type { Case, NDArray } from '@moviegen/kernels';

/** One way to compute a case. */
export interface Way {
  /** The library's calls: `matMul`, `moments + batchNorm`. */
  readonly how: string;
  /** Queues the work once. */
  run(): void | Promise<void>;
  /** Waits for all queued work and releases the results. */
  settle(): Promise<void>;
  /** Runs once and returns the result in our layout. */
  result(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** Another library. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Ways to compute the case, each made when it is called; empty if the library has none. */
  ways(item: Case, operands: Readonly<Record<string, NDArray>>): readonly (() => Promise<Way>)[];
}
