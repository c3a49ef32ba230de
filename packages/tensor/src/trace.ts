// Intermediate results of a running model, like the forward hooks of PyTorch: every module reports its output under its
// name in the checkpoint. Most modules are layers that report by themselves (layers.ts). Outside of `traced` nothing is
// reported, and nothing is computed for a report.

import type { Tensor } from './tensor.ts';

/**
 * Called with the output of each module, in PyTorch's shape, and the module's name in the checkpoint. The tensor lives only
 * until the call returns: begin to read it there (the promise of `value.read()` may be awaited later).
 */
export type Trace = (name: string, value: Tensor) => void;

let current: Trace | undefined;

/** Runs `work` while its modules report to the trace. Asynchronous work is traced up to its first `await` only. */
export function traced<T>(trace: Trace | undefined, work: () => T): T {
  return trace ? withTrace(trace, work) : work();
}

/** Reports an output that is computed only where there is a trace, for outputs that a fused kernel does not give. */
export function observe(name: string, output: () => Tensor): void {
  const trace = current;
  if (trace) withTrace(undefined, () => trace(name, output()));
}

/** Reports a module's output and returns it. */
export function observed(name: string, output: Tensor): Tensor {
  observe(name, () => output);
  return output;
}

function withTrace<T>(trace: Trace | undefined, work: () => T): T {
  const outer = current;
  current = trace;
  try {
    return work();
  } finally {
    current = outer;
  }
}
