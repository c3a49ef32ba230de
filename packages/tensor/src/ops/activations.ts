// SiLU, GELU, quick-GELU and ReLU, element by element, and the gate of SwiGLU.
import { type Activation, activateKernel, siluMulKernel } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectShape, sameType } from './operands.ts';

function activate(activation: Activation, x: Tensor): Tensor {
  const dtype = sameType(activation, { x });
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts(activation, x.shape, 0, { x, out }, (shape, parts) => {
    x.device.run(activateKernel(activation, shape, dtype), [parts.x, parts.out]);
  });
  return out;
}

/** x sigmoid(x). */
export const silu = (x: Tensor): Tensor => activate('silu', x);

/** x Phi(x) with the error function, or its approximation by tanh. */
export function gelu(
  x: Tensor,
  options: { readonly approximate?: 'none' | 'tanh' | undefined } = {},
): Tensor {
  return activate(options.approximate === 'tanh' ? 'gelu-tanh' : 'gelu', x);
}

/** x sigmoid(1.702 x). */
export const quickGelu = (x: Tensor): Tensor => activate('quick-gelu', x);

/** max(x, 0). */
export const relu = (x: Tensor): Tensor => activate('relu', x);

/**
 * silu(a) * b, of two tensors of one shape. `swiglu` computes it in one kernel with the two products.
 * @throws where shapes or types differ.
 */
export function siluMul(a: Tensor, b: Tensor): Tensor {
  const dtype = sameType('siluMul', { a, b });
  expectShape('siluMul', 'b', b, a.shape);
  const out = Tensor.empty(a.device, a.shape, dtype);
  if (out.size === 0) return out;
  inParts('siluMul', a.shape, 0, { a, b, out }, (shape, parts) => {
    a.device.run(siluMulKernel(shape, dtype), [parts.a, parts.b, parts.out]);
  });
  return out;
}
