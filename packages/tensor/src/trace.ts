// What a model shows of its inside while it runs, as forward hooks do in PyTorch: every module reports its output
// under its name in the checkpoint. The models' own code is free of it: layers report (layers.ts), and only inside
// of `traced`.

import type { Tensor } from './tensor.ts';

/**
 * Is given the outputs of modules under their names in the checkpoint, in PyTorch's shapes. A tensor lives only until
 * the call returns: read it there (the promise of `value.read()` may be awaited later).
 */
export type Trace = (name: string, value: Tensor) => void;

let current: Trace | undefined;

/** Runs `work`, whose modules report to the trace. Work that awaits is traced up to its first `await` only. */
export function traced<T>(trace: Trace | undefined, work: () => T): T {
  return trace ? withTrace(trace, work) : work();
}

/** Reports an output that is computed only where a trace asks for it: fused kernels do not give it. */
export function observe(name: string, output: () => Tensor): void {
  const trace = current;
  if (trace) withTrace(undefined, () => trace(name, output()));
}

/** Reports a module's output and hands it on. */
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
