import { castKernel, type DType } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { unquantized } from './operands.ts';

/**
 * The elements as another type (the same tensor's own copy-free view where it is that type already).
 * Floats become integers by truncation, clamped to the floats in the type's range.
 * @throws where the adapter has no f16 and that is asked for.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x.reshape(x.shape);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  const [from, to] = [unquantized('cast', x.dtype), unquantized('cast', dtype)];
  inParts('cast', x.shape, 0, { x, out }, (_, parts) => {
    x.device.run(castKernel(parts.x.size, from, to), [parts.x, parts.out]);
  });
  return out;
}
