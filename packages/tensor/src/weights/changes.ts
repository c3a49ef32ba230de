// Weights that are changed while they are loaded. A change is computed in f32, whatever type the weight has in the file
// and will have on the device.
import { type DType, isQuantFormat } from '@moviegen/kernels';
import { keep, scope } from '../device/scope.ts';
import { cast } from '../ops/cast.ts';
import { Tensor } from '../tensor.ts';

/** Changes to be made to weights while they are loaded. */
export interface WeightChanges {
  /** Whether a weight changes. */
  has(name: string): boolean;
  /** Makes the changed weight from the one given, both in f32. The caller owns both. */
  apply(name: string, weight: Tensor, signal?: AbortSignal): Promise<Tensor>;
  /** The most bytes that `apply` needs on the device in addition to the weight given; its result is included. */
  bytes(name: string): number;
}

/** Changes a weight, which is f32 or quantised, and returns it in the type wanted. The weight given is released. */
export async function changed(
  changes: WeightChanges,
  name: string,
  weight: Tensor,
  wanted: DType,
  signal?: AbortSignal,
): Promise<Tensor> {
  const { device, shape, label } = weight;
  const made: Tensor[] = [weight];
  const note = (tensor: Tensor) => {
    made.push(keep(tensor));
    return tensor;
  };
  try {
    const before = isQuantFormat(weight.dtype)
      ? note(Tensor.from(device, await weight.read(), shape, { dtype: 'f32' }))
      : weight;
    const after = note(await changes.apply(name, before, signal));
    if (isQuantFormat(wanted))
      return keep(Tensor.from(device, await after.read(), shape, { dtype: wanted, ...(label && { label }) }));
    return keep(scope(device, () => cast(after, wanted)));
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}
