// Flow matching along the optimal-transport path (Movie Gen section 3.1.2), as forward computations.
// Not here: integrating the flow (solvers.ts).

import { add, mean, mul, scope, sub, type Tensor } from '@moviegen/tensor';

/** How much noise is left at t = 1: the path's s, sigma_min. */
export const SIGMA_MIN = 1e-5;

/**
 * The point at time t on the straight path from noise to data: `X_t = t X_1 + (1 - (1 - s) t) X_0`.
 * @param data X_1, any shape.
 * @param noise X_0, of the same shape.
 * @param t one time for all, or one for each batch item (axis 0).
 */
export function pathPoint(data: Tensor, noise: Tensor, t: number | Tensor): Tensor {
  const { device } = data;
  return scope(device, () => {
    if (typeof t === 'number') return add(mul(data, t), mul(noise, 1 - (1 - SIGMA_MIN) * t));
    const at = t.reshape([t.size, ...data.shape.slice(1).map(() => 1)]); // [B, 1, ...]
    return add(mul(data, at), sub(noise, mul(noise, mul(at, 1 - SIGMA_MIN))));
  });
}

/** The velocity of that path, the same at every t: `V = X_1 - (1 - s) X_0`. */
export function pathVelocity(data: Tensor, noise: Tensor): Tensor {
  return scope(data.device, () => sub(data, mul(noise, 1 - SIGMA_MIN)));
}

/**
 * The training loss: the mean over all values of `(u - V)^2`.
 * @param velocity u, the model's output at `pathPoint(data, noise, t)`.
 * @returns a tensor of one value.
 */
export function flowMatchingLoss(velocity: Tensor, data: Tensor, noise: Tensor): Tensor {
  return scope(data.device, () => {
    const error = sub(velocity, pathVelocity(data, noise));
    return mean(mul(error, error), { axes: error.shape.map((_, axis) => axis) });
  });
}
