// Weights that are changed while they are loaded: in f32, whatever type they come in or shall have.
import { type DType, isQuantFormat } from '@moviegen/kernels';
import { keep, scope } from '../device/scope.ts';
import { cast } from '../ops/cast.ts';
import { Tensor } from '../tensor.ts';

/** Changes to be made to weights while they are loaded. */
export interface WeightChanges {
  /** Whether a weight changes. */
  has(name: string): boolean;
  /** A changed weight, in f32, from the one given, in f32; both are the caller's. */
  apply(name: string, weight: Tensor, signal?: AbortSignal): Promise<Tensor>;
  /** Bytes that `apply` takes on the device at most, besides the weight given, what it makes included. */
  bytes(name: string): number;
}

/** A changed weight in the type wanted. The one given, plain f32 or quantised, is released. */
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
