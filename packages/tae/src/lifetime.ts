// Lifetimes in a chain of layers: only the newest value stays.

import { scope, type Tensor } from '@moviegen/tensor';

/** The value after x. x, and whatever was made on the way, is released. */
export function next(x: Tensor, step: () => Tensor): Tensor {
  const result = scope(x.device, step);
  x.dispose();
  return result;
}
