// CPU reference of the timestep embedding.
import { generate, operand, type Reference } from './ndarray.ts';

/** cos, then sin, of scale t maxPeriod^(-i / (dim / 2)). */
export const timestepEmbedding: Reference = (inputs, options) => {
  const t = operand(inputs, 't');
  const {
    dim,
    scale = 1000,
    maxPeriod = 10000,
  } = options as { dim: number; scale?: number; maxPeriod?: number };
  const half = dim / 2;
  return generate([t.data.length, dim], t.dtype, ([b, column]) => {
    const angle = scale * t.data[b!]! * maxPeriod ** (-(column! % half) / half);
    return column! < half ? Math.cos(angle) : Math.sin(angle);
  });
};
