// Latents on their way between autoencoder and transformer: the distribution that the encoder gives, and the scale in which the
// transformer sees them.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width.

import { add, clamp, type Device, div, exp, keep, mul, scope, slice, sub, Tensor } from '@moviegen/tensor';
import type { WanAutoencoderConfig } from './config.ts';

/** The scale of the transformer's latents: `(z - mean) / std`, channel by channel. */
export class LatentScale {
  readonly #mean: Tensor; // [1, C, 1, 1, 1]
  readonly #std: Tensor;

  constructor(device: Device, { latentsMean, latentsStd }: WanAutoencoderConfig) {
    const perChannel = (values: readonly number[]) =>
      keep(Tensor.from(device, values, [1, values.length, 1, 1, 1]));
    this.#mean = perChannel(latentsMean);
    this.#std = perChannel(latentsStd);
  }

  /** From the encoder's latents [B, C, T, H, W] to those that the transformer sees. */
  normalize(z: Tensor): Tensor {
    return scope(z.device, () => div(sub(z, this.#mean), this.#std));
  }

  /** From what the transformer sees to the latents that the decoder takes. */
  denormalize(z: Tensor): Tensor {
    return scope(z.device, () => add(mul(z, this.#std), this.#mean));
  }

  dispose(): void {
    this.#mean.dispose();
    this.#std.dispose();
  }
}

/** A diagonal Gaussian over the latents of a video. The caller owns its tensors. */
export class LatentDistribution {
  /** [B, C, T, H, W], as the encoder gives it: not in the transformer's scale. */
  readonly mean: Tensor;
  /** [B, C, T, H, W], within -30 .. 20. */
  readonly logvar: Tensor;
  readonly #scale: LatentScale;

  constructor(mean: Tensor, logvar: Tensor, scale: LatentScale) {
    this.mean = mean;
    this.logvar = logvar;
    this.#scale = scale;
  }

  /** The distribution that an encoder tells. @param moments the encoder's output [B, 2C, T, H, W]: mean, then log-variance. */
  static of(moments: Tensor, scale: LatentScale): LatentDistribution {
    const [B, twice] = moments.shape as [number, number];
    return scope(moments.device, () => {
      const mean = slice(moments, { start: [0, 0], end: [B, twice / 2] });
      const logvar = clamp(slice(moments, { start: [0, twice / 2], end: [B, twice] }), -30, 20);
      return new LatentDistribution(mean, logvar, scale);
    });
  }

  /** The most likely latents, in the transformer's scale: what `decode` takes. */
  mode(): Tensor {
    return this.#scale.normalize(this.mean);
  }

  /**
   * A sample of the latents, in the transformer's scale: what `decode` takes.
   * @param noise N(0, I) of the mean's shape.
   */
  sample(noise: Tensor): Tensor {
    return scope(noise.device, () =>
      this.#scale.normalize(add(this.mean, mul(exp(mul(this.logvar, 0.5)), noise))),
    );
  }
}
