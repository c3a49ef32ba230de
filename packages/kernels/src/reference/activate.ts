// CPU references of the activations and of SwiGLU's gate.
import { type Activation, activations } from '../activation.ts';
import { generate, operand, type Reference } from './ndarray.ts';

const apply =
  (name: Activation): Reference =>
  (inputs) => {
    const x = operand(inputs, 'x');
    let i = 0;
    return generate(x.shape, x.dtype, () => activations[name](x.data[i++]!));
  };

export const silu = apply('silu');
export const quickGelu = apply('quick-gelu');
export const relu = apply('relu');
/** GELU: exact, or approximated with the option `approximate: 'tanh'`. */
export const gelu: Reference = (inputs, options) =>
  apply(options.approximate === 'tanh' ? 'gelu-tanh' : 'gelu')(inputs, options);

/** silu(a) * b. */
export const siluMul: Reference = (inputs) => {
  const [a, b] = [operand(inputs, 'a'), operand(inputs, 'b')];
  let i = 0;
  return generate(a.shape, a.dtype, () => activations.silu(a.data[i]!) * b.data[i++]!);
};
