// CPU reference of softmax.
import { sizeOf } from '../shape.ts';
import { operand, type Reference, zeros } from './ndarray.ts';

/** exp(x - max) / sum exp(x - max) along the option `axis`. */
export const softmax: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const axis = ((options.axis as number | undefined) ?? -1) + x.shape.length;
  const along = axis % x.shape.length;
  const [N, I] = [x.shape[along]!, sizeOf(x.shape.slice(along + 1))];
  const out = zeros(x.shape, x.dtype);
  for (let start = 0; start < x.data.length; start++) {
    if (Math.floor(start / I) % N !== 0) continue;
    const places = Array.from({ length: N }, (_, k) => start + k * I);
    const highest = Math.max(...places.map((at) => x.data[at]!));
    const powers = places.map((at) => Math.exp(x.data[at]! - highest));
    const all = powers.reduce((sum, p) => sum + p, 0);
    places.forEach((at, k) => {
      out.data[at] = powers[k]! / all;
    });
  }
  return out;
};
