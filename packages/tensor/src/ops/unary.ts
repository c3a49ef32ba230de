// Functions of one number, element by element. Not here: activations (activations.ts).
import { clampKernel, type Unary, unaryKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { sameType } from './operands.ts';

function unary(op: Unary, x: Tensor): Tensor {
  const dtype = sameType(op, { x });
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts(op, x.shape, 0, { x, out }, (shape, parts) => {
    x.device.run(unaryKernel(op, shape, dtype), [parts.x, parts.out]);
  });
  return out;
}

/** e to the power x. */
export const exp = (x: Tensor): Tensor => unary('exp', x);

/** The square root. */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);

/** |x|. */
export const abs = (x: Tensor): Tensor => unary('abs', x);

/**
 * min(max(x, low), high).
 * @throws where low is above high.
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  const dtype = sameType('clamp', { x });
  if (!(low <= high)) throw new Error(`clamp: low=${low} must not be above high=${high}`);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts('clamp', x.shape, 0, { x, out }, (shape, parts) => {
    x.device.run(clampKernel(low, high, shape, dtype), [parts.x, parts.out]);
  });
  return out;
}
