import { type PadMode, padKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { show, unquantized } from './shapes.ts';

/** Options of {@link pad}. */
export interface PadOptions {
  /** [before, after] of each axis. */
  readonly pads: readonly (readonly [number, number])[];
  /** `constant` (the default) or the nearest element. */
  readonly mode?: PadMode | undefined;
  /** What `constant` puts there. Default 0. */
  readonly value?: number | undefined;
}

/**
 * x with room before and after along its axes.
 * @throws where pads are negative or not one an axis, or there is nothing to replicate.
 */
export function pad(x: Tensor, { pads, mode = 'constant', value = 0 }: PadOptions): Tensor {
  if (pads.length !== x.rank || pads.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    const got = `[${pads.map(show).join(', ')}]`;
    throw new Error(`pad: pads must be [before, after] from 0 for each axis of ${show(x.shape)}: got ${got}`);
  }
  const shape = x.shape.map((n, axis) => n + pads[axis]![0] + pads[axis]![1]);
  if (x.size === 0 && shape.every((n) => n > 0)) {
    if (mode === 'replicate') throw new Error(`pad: ${show(x.shape)} has no element to replicate`);
    return Tensor.full(x.device, shape, value, x.dtype);
  }
  const dtype = unquantized('pad', x.dtype);
  const out = Tensor.empty(x.device, shape, dtype);
  if (out.size > 0) x.device.run(padKernel(x.shape, pads, mode, value, dtype), [x, out]);
  return out;
}
