// The training losses of the TAE that are plain formulas (Movie Gen section 3.1.1), as forward computations on the
// device. Not here: the perceptual and the adversarial loss, which need networks of their own.

import { abs, add, exp, mean, mul, relu, scope, sqrt, sub, sum, type Tensor } from '@moviegen/tensor';

/** L1: the mean over all values of |video - target|. A tensor of one value. */
export function reconstructionLoss(video: Tensor, target: Tensor): Tensor {
  return scope(video.device, () => mean(abs(sub(video, target))));
}

/** KL to N(0, I), summed over a latent's values, the mean over B. A tensor of one value. */
export function klLoss(mu: Tensor, logvar: Tensor): Tensor {
  return scope(mu.device, () => {
    const values = sub(add(mul(mu, mu), exp(logvar)), add(logvar, 1));
    return mul(sum(values), 0.5 / mu.shape[0]!);
  });
}

/**
 * The outlier penalty, equation 1: `OPL(X, r) = 1/(HW) sum_ij max(||X_ij - Mean(X)|| - r ||Std(X)||, 0)` of a frame, with
 * X_ij the C-vector at a position, Mean and (population) Std over the positions; the mean over B and T.
 * @param latent [B, C, T, H, W].
 * @param r how many deviations are free. Default 3.
 * @returns a tensor of one value; the paper weighs it with 1e5.
 */
export function outlierPenaltyLoss(latent: Tensor, r = 3): Tensor {
  return scope(latent.device, () => {
    const positions = { axes: [3, 4], keepDims: true };
    const centred = sub(latent, mean(latent, positions)); // [B, C, T, H, W]
    const squares = mul(centred, centred);
    const distance = sqrt(sum(squares, { axes: [1] })); // [B, T, H, W]
    const radius = sqrt(sum(mean(squares, positions), { axes: [1] })); // [B, T, 1, 1]: ||Std||
    return mean(relu(sub(distance, mul(radius, r))));
  });
}
