// Lifetimes in a chain of layers: only the newest value stays.
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/**
 * The value after x, as `step` makes it. x, and whatever else was made on the way, is released:
 * `x = advance(x, () => layer(x))` keeps the memory of a deep model flat.
 */
export function advance(x: Tensor, step: () => Tensor): Tensor {
  const result = scope(x.device, step);
  x.dispose();
  return result;
}
