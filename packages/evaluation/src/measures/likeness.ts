// How near a reconstruction is to its original: PSNR and SSIM of videos with values in [-1, 1].

import { add, conv3d, div, mean, mul, scope, sub, Tensor } from '@moviegen/tensor';

/** The largest possible difference of two values. */
const RANGE = 2;

/** Peak signal-to-noise ratio in dB, over all values. Infinite where both are equal. */
export async function psnr(video: Tensor, target: Tensor): Promise<number> {
  const error = scope(video.device, () => {
    const difference = sub(video, target);
    return mean(mul(difference, difference));
  });
  try {
    return 10 * Math.log10(RANGE ** 2 / (await error.item()));
  } finally {
    error.dispose();
  }
}

/**
 * Structural similarity (Wang et al. 2004) with an 11 x 11 Gaussian window of deviation 1.5, K1 = 0.01, K2 = 0.03 and
 * population variances. It is computed per channel and frame, only where the window lies inside the frame. The same as
 * scikit-image's `structural_similarity(gaussian_weights=True, use_sample_covariance=False, data_range=2)`, and as the
 * defaults of torchmetrics.
 * @param video [B, C, T, H, W], H and W at least 11.
 * @returns the mean over all channels, frames and positions.
 */
export async function ssim(video: Tensor, target: Tensor): Promise<number> {
  const [B, C, T, H, W] = video.shape as [number, number, number, number, number];
  if (video.rank !== 5 || target.shape.join() !== video.shape.join() || H < SIZE || W < SIZE) {
    const got = `[${video.shape.join(', ')}] and [${target.shape.join(', ')}]`;
    throw new Error(
      `ssim: expected two videos [B, C, T, H, W] of one shape, H and W at least ${SIZE}, got ${got}`,
    );
  }
  const { device } = video;
  const result = scope(device, () => {
    const taps = Tensor.from(device, gaussian());
    const planes = [B * C * T, 1, 1, H, W];
    const [x, y] = [video.reshape(planes), target.reshape(planes)];
    const local = (values: Tensor): Tensor => {
      const rows = conv3d(values, taps.reshape([1, 1, 1, 1, SIZE]));
      return conv3d(rows, taps.reshape([1, 1, 1, SIZE, 1]));
    };
    const [mx, my] = [local(x), local(y)];
    const spread = (a: Tensor, b: Tensor, ma: Tensor, mb: Tensor) => sub(local(mul(a, b)), mul(ma, mb));
    const [c1, c2] = [(0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2];
    const above = mul(add(mul(mul(mx, my), 2), c1), add(mul(spread(x, y, mx, my), 2), c2));
    const means = add(add(mul(mx, mx), mul(my, my)), c1);
    const variances = add(add(spread(x, x, mx, mx), spread(y, y, my, my)), c2);
    return mean(div(above, mul(means, variances)));
  });
  try {
    return await result.item();
  } finally {
    result.dispose();
  }
}

const SIZE = 11;

/** Gaussian window of deviation 1.5, normalized. */
function gaussian(): number[] {
  const taps = Array.from({ length: SIZE }, (_, i) =>
    Math.exp(-((i - (SIZE - 1) / 2) ** 2) / (2 * 1.5 ** 2)),
  );
  const total = taps.reduce((a, b) => a + b);
  return taps.map((tap) => tap / total);
}
