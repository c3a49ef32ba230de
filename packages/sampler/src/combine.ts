// Sums of tensors times numbers, in one kernel: the updates of multistage and multistep solvers.

import { linearCombination, type Tensor } from '@moviegen/tensor';

/** The sum of the first tensors, as many as there are weights, each times its weight. Those of weight 0 are not read. */
export function combine(tensors: readonly Tensor[], weights: readonly number[]): Tensor {
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [{ weight, tensor: tensors[i]! }]));
  return linearCombination(
    used.map(({ tensor }) => tensor),
    used.map(({ weight }) => weight),
  );
}
