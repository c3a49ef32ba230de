// CPU references of the functions of one number.
import { generate, operand, type Reference } from './ndarray.ts';

const apply =
  (f: (x: number) => number): Reference =>
  (inputs) => {
    const x = operand(inputs, 'x');
    let i = 0;
    return generate(x.shape, x.dtype, () => f(x.data[i++]!));
  };

export const exp = apply(Math.exp);
export const sqrt = apply(Math.sqrt);
export const abs = apply(Math.abs);

/** min(max(x, low), high). */
export const clamp: Reference = (inputs, options) =>
  apply((x) => Math.min(Math.max(x, options.low as number), options.high as number))(inputs, options);
