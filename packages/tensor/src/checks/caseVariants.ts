// The variants of the kernel behind a case. They are not worked out here: the op itself runs on a device that computes
// nothing, and what it offers there is heard.
import type { Case, TensorSpec } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { dryDevice } from '../device/dry.ts';
import { scope } from '../device/scope.ts';
import { Tensor } from '../tensor.ts';
import type { Choice } from '../tuning/tuner.ts';
import { opTable } from './opTable.ts';

/** A device that computes nothing, and the choices of variants that ops have left to it. */
interface Listener {
  readonly dry: Device;
  readonly heard: Choice[];
}

const listeners = new WeakMap<Device, Listener>();

/** The type in which a case that is run in `dtype` holds an operand. */
export const operandType = (spec: TensorSpec, dtype: 'f32' | 'f16'): TensorSpec['dtype'] =>
  spec.dtype === 'f32' && !spec.wide ? dtype : spec.dtype;

/**
 * The variants of the kernel behind a case that this device can run in a type, best first; empty where there is only
 * one kernel. Of an op that takes its operands in parts, the variants for the first part.
 */
export function caseVariants(
  device: Device,
  { op, inputs, options }: Case,
  dtype: 'f32' | 'f16' = 'f32',
): readonly string[] {
  const entry = opTable[op];
  if (!entry || (dtype === 'f16' && !device.target.f16)) return [];
  if (entry.variants) return entry.variants(device.target);
  const { dry, heard } = listenerTo(device);
  heard.length = 0;
  scope(dry, () => {
    const operands = Object.entries(inputs).map(([name, spec]) => {
      return [name, Tensor.empty(dry, spec.shape, operandType(spec, dtype), name)] as const;
    });
    entry.prepare({
      device: dry,
      operands: Object.fromEntries(operands),
      options,
      dtype,
      variant: undefined,
    })();
  });
  return heard[0]?.variants ?? [];
}

function listenerTo(device: Device): Listener {
  const known = listeners.get(device);
  if (known) return known;
  const heard: Choice[] = [];
  const dry = dryDevice({ like: device, onChoice: (choice) => heard.push(choice) });
  const listener = { dry, heard };
  listeners.set(device, listener);
  return listener;
}
