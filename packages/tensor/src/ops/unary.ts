// Functions of one number, element by element. Not here: activations (activations.ts).
import { clampKernel, type Unary, unaryKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectNumber, INTEGERS, promotedType, sameType } from './operands.ts';

function unary(op: Unary, x: Tensor): Tensor {
  const dtype = sameType(op, { x });
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts(op, x.shape, 0, { x, out }, (shape, parts) => {
    x.device.run(unaryKernel(op, shape, dtype), [parts.x, parts.out]);
  });
  return out;
}

/** e to the power x. A NaN stays NaN. */
export const exp = (x: Tensor): Tensor => unary('exp', x);

/** The square root. */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);

/** |x|. */
export const abs = (x: Tensor): Tensor => unary('abs', x);

/**
 * min(max(x, low), high), of floats or integers. A NaN stays NaN. A bound may be infinite.
 * @throws where low is above high, or x holds integers and a bound is none of their type.
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  const dtype = promotedType('clamp', { x });
  if (!(low <= high)) throw new Error(`clamp: low=${low} must not be above high=${high}`);
  if (dtype === 'i32' || dtype === 'u32') {
    const [least, greatest] = INTEGERS[dtype];
    [low, high] = [
      low === Number.NEGATIVE_INFINITY ? least : low,
      high === Number.POSITIVE_INFINITY ? greatest : high,
    ];
    expectNumber('clamp', 'low', low, dtype);
    expectNumber('clamp', 'high', high, dtype);
  }
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts('clamp', x.shape, 0, { x, out }, (shape, parts) => {
    x.device.run(clampKernel(low, high, shape, dtype), [parts.x, parts.out]);
  });
  return out;
}
