// PSNR and SSIM against scikit-image 0.26 (`structural_similarity` with gaussian_weights=True, sigma=1.5,
// use_sample_covariance=False, data_range=2, a plane each; `peak_signal_noise_ratio` with data_range=2).

import { ByteErrors, psnr, ssim } from '@moviegen/evaluation';
import { Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const [C, T, H, W] = [3, 2, 17, 14];

test('the values of scikit-image', async () => {
  const device = await testDevice();
  const values = (f: (c: number, t: number, i: number, j: number) => number) => {
    const data = new Float32Array(C * T * H * W);
    for (let n = 0; n < data.length; n++)
      data[n] = f(Math.floor(n / (T * H * W)), Math.floor(n / (H * W)) % T, Math.floor(n / W) % H, n % W);
    return Tensor.from(device, data, [1, C, T, H, W]);
  };
  const x = values((c, t, i, j) => 0.8 * Math.sin(0.3 * i + 0.7 * j + c + 0.5 * t));
  const y = values(
    (c, t, i, j) => 0.72 * Math.sin(0.3 * i + 0.7 * j + c + 0.5 * t) + 0.1 * Math.sin(1.3 * i - 0.4 * j),
  );
  expect(await ssim(x, y)).toBeCloseTo(0.9689019243, 5);
  expect(await psnr(x, y)).toBeCloseTo(26.99536764, 4);
  expect(await ssim(x, x)).toBeCloseTo(1, 6);
  expect(await psnr(x, x)).toBe(Number.POSITIVE_INFINITY);
  await expect(ssim(x, x.reshape([1, C, T, W, H]))).rejects.toThrow('of one shape');
  await expect(ssim(x.reshape([1, C, T, 7, 34]), x.reshape([1, C, T, 7, 34]))).rejects.toThrow('at least 11');
  x.dispose();
  y.dispose();
});

test('PSNR of 8-bit videos: over all of them, and of the worst', () => {
  const errors = new ByteErrors();
  const video = Uint8Array.from([0, 100, 200, 255]);
  errors.add(video, video);
  expect(errors.psnr()).toBe(Number.POSITIVE_INFINITY);
  errors.add(video, [2, 98, 198, 253]); // a mean square of 4, over both videos of 2
  expect(errors.psnr()).toBeCloseTo(10 * Math.log10(255 ** 2 / 2), 10);
  expect(errors.worstPsnr()).toBeCloseTo(10 * Math.log10(255 ** 2 / 4), 10);
  expect(() => errors.add(video, [1])).toThrow('ByteErrors: videos differ in length: got 4 and 1 values');
});
