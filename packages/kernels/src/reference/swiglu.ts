// CPU reference of the SwiGLU gate.
import { activations } from '../activation.ts';
import { linear } from './linear.ts';
import { operand, type Reference, zeros } from './ndarray.ts';

/** y = silu(x W1^T) * (x W3^T). */
export const swiglu: Reference = (inputs) => {
  const x = operand(inputs, 'x');
  const gate = linear({ x, weight: operand(inputs, 'w1') }, {});
  const up = linear({ x, weight: operand(inputs, 'w3') }, {});
  const out = zeros(gate.shape, x.dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = activations.silu(gate.data[i]!) * up.data[i]!;
  return out;
};
