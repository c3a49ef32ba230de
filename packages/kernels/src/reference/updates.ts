// CPU references of gatedResidual, guidance, eulerStep and linearCombination.
import { generate, operand, type Reference } from './ndarray.ts';

/** x + gate * y; gate [B, D] or [D]. */
export const gatedResidual: Reference = (inputs) => {
  const [x, gate, y] = [operand(inputs, 'x'), operand(inputs, 'gate'), operand(inputs, 'y')];
  const D = x.shape.at(-1)!;
  let i = 0;
  return generate(x.shape, x.dtype, (index) => {
    const item = gate.shape.length === 1 ? 0 : index[0]!;
    return x.data[i]! + gate.data[item * D + index.at(-1)!]! * y.data[i++]!;
  });
};

/** uNull + scale (uText - uNull). */
export const guidance: Reference = (inputs, options) => {
  const [uNull, uText] = [operand(inputs, 'uNull'), operand(inputs, 'uText')];
  let i = 0;
  return generate(uNull.shape, uNull.dtype, () => {
    const u = uNull.data[i]!;
    return u + (options.scale as number) * (uText.data[i++]! - u);
  });
};

/** x + dt velocity. */
export const eulerStep: Reference = (inputs, options) => {
  const [x, velocity] = [operand(inputs, 'x'), operand(inputs, 'velocity')];
  let i = 0;
  return generate(x.shape, x.dtype, () => x.data[i]! + (options.dt as number) * velocity.data[i++]!);
};

/** w0 x0 + w1 x1 + ... */
export const linearCombination: Reference = (inputs, options) => {
  const weights = options.weights as readonly number[];
  const tensors = weights.map((_, i) => operand(inputs, `x${i}`));
  let at = 0;
  return generate(tensors[0]!.shape, tensors[0]!.dtype, () => {
    const sum = weights.reduce((total, weight, i) => total + weight * tensors[i]!.data[at]!, 0);
    at++;
    return sum;
  });
};
