import { castKernel, type DType } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { unquantized } from './shapes.ts';

/**
 * The elements as another type (the same tensor's own copy-free view where it is that type already).
 * Floats become integers by truncation, clamped to the floats in the type's range.
 * @throws where the adapter has no f16 and that is asked for.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x.reshape(x.shape);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size > 0)
    x.device.run(castKernel(x.size, unquantized('cast', x.dtype), unquantized('cast', dtype)), [x, out]);
  return out;
}
