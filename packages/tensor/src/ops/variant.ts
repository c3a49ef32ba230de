// How an op with several kernels runs one of them. Not here: the measurements behind the choice (../tuning/tuner.ts).

import type { Device } from '../device/device.ts';
import type { Tensor } from '../tensor.ts';
import type { Choice } from '../tuning/tuner.ts';

/** Runs the variant of the given name, or the best one where none is given. */
export function runVariant(
  device: Device,
  variant: string | undefined,
  choice: Choice,
  buffers: readonly Tensor[],
): void {
  if (variant === undefined) device.runBest(choice, buffers);
  else device.run(choice.make(variant), buffers);
}
