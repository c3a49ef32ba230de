// The distribution of a latent that the encoder gives.

import { add, clamp, div, exp, mul, scope, slice, sub, type Tensor } from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';

/** A diagonal Gaussian over the latent of a video. */
export class Posterior {
  /** [B, C, T, H, W], before shift and scale. */
  readonly mean: Tensor;
  /** [B, C, T, H, W], within -30 .. 20. */
  readonly logvar: Tensor;
  readonly #config: TAEConfig;

  constructor(mean: Tensor, logvar: Tensor, config: TAEConfig) {
    this.mean = mean;
    this.logvar = logvar;
    this.#config = config;
  }

  /** @param moments the encoder's output [B, 2C, T, H, W]: mean, then log-variance. */
  static of(moments: Tensor, config: TAEConfig): Posterior {
    const [B, twice, ...rest] = moments.shape as [number, number, ...number[]];
    const half = (from: number, to: number) => slice(moments, { start: [0, from], end: [B, to, ...rest] });
    return new Posterior(half(0, twice / 2), clamp(half(twice / 2, twice), -30, 20), config);
  }

  /** The most likely latent, in the DiT's space: what `decode` takes. */
  mode(): Tensor {
    return toModelSpace(this.mean, this.#config);
  }

  /**
   * A sample of the latent, in the DiT's space: what `decode` takes.
   * @param noise N(0, I) of the mean's shape.
   */
  sample(noise: Tensor): Tensor {
    return scope(noise.device, () => {
      const deviation = exp(mul(this.logvar, 0.5));
      return toModelSpace(add(this.mean, mul(deviation, noise)), this.#config);
    });
  }
}

/** `(z - shift) * scale`: from the encoder's latent to what the DiT sees. */
export function toModelSpace(z: Tensor, { shiftFactor, scalingFactor }: TAEConfig): Tensor {
  return scope(z.device, () => mul(sub(z, shiftFactor), scalingFactor));
}

/** `z / scale + shift`: from what the DiT sees to what the decoder takes. */
export function fromModelSpace(z: Tensor, { shiftFactor, scalingFactor }: TAEConfig): Tensor {
  return scope(z.device, () => add(div(z, scalingFactor), shiftFactor));
}
