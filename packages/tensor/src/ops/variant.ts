import type { Device } from '../device/device.ts';
import type { Tensor } from '../tensor.ts';
import type { Choice } from '../tuning/tuner.ts';

/** Runs the variant that was asked for, otherwise the best one. */
export function runVariant(
  device: Device,
  variant: string | undefined,
  choice: Choice,
  buffers: readonly Tensor[],
): void {
  if (variant === undefined) device.runBest(choice, buffers);
  else device.run(choice.make(variant), buffers);
}
