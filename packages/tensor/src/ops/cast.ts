// Conversion between element types. Not here: numbers of the host (../numbers.ts).

import { castKernel, type DType } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { unquantized } from './operands.ts';

/**
 * The elements as another type. A tensor that has the type already gives a view of itself, without a copy.
 * Floats become integers by truncation, clamped to the floats within the range of the type.
 * @throws where f16 is asked for and the adapter lacks it, or a type is quantised.
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
