// What an encoder shows of its inside while it runs, for parity tests and for the curious.

import type { Tensor } from '@moviegen/tensor';

/**
 * Is given intermediates under the names of the checkpoint's modules, in PyTorch's shapes. A tensor lives
 * only until the call returns: start reading it there.
 */
export type Trace = (name: string, value: Tensor) => void;

/** Shows one intermediate. It is a function, so that what the encoder fuses away is computed only where asked for. */
export type Note = (name: string, value: () => Tensor) => void;

/** Notes under a path; does nothing without a trace. */
export function noteUnder(trace: Trace | undefined, path: string): Note {
  if (trace === undefined) return () => {};
  return (name, value) => trace(name === '' ? path : `${path}.${name}`, value());
}
