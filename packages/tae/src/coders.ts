// Encoder and decoder: Latent Diffusion's image autoencoder, inflated. Two tables of layers.
//
// Legend: B batch, T' H' W' frames, height, width of the video, T H W of the latent, C latent channels.

import { advance, type Tensor, type WeightBook } from '@moviegen/tensor';
import { Level, MidBlock } from './blocks.ts';
import type { TAEConfig } from './config.ts';
import { GroupNorm, InflatedConv } from './layers.ts';

/** Frames [B, T', H', W', 3] to the distribution of their latent, [B, T, H, W, 2C]: mean and log-variance. */
export class Encoder {
  readonly #convIn: InflatedConv;
  readonly #levels: readonly Level[];
  readonly #mid: MidBlock;
  readonly #out: Head;

  constructor(weights: WeightBook, config: TAEConfig) {
    const last = config.blockOutChannels.length - 1;
    const step = (i: number) => (i < last ? 'down' : 'none');
    this.#convIn = new InflatedConv(weights, 'encoder.conv_in', config);
    this.#levels = config.blockOutChannels.map(
      (_, i) => new Level(weights, `encoder.down_blocks.${i}`, config, config.layersPerBlock, step(i)),
    );
    this.#mid = new MidBlock(weights, 'encoder.mid_block', config);
    this.#out = new Head(weights, 'encoder', config);
  }

  forward(video: Tensor): Tensor {
    let x = this.#convIn.forward(video);
    for (const level of this.#levels) x = advance(x, () => level.forward(x));
    x = advance(x, () => this.#mid.forward(x));
    return advance(x, () => this.#out.forward(x));
  }
}

/** Latent [B, T, H, W, C] to frames [B, 8T, 8H, 8W, 3]. */
export class Decoder {
  readonly #convIn: InflatedConv;
  readonly #mid: MidBlock;
  readonly #levels: readonly Level[];
  readonly #out: Head;

  constructor(weights: WeightBook, config: TAEConfig) {
    const last = config.blockOutChannels.length - 1;
    const step = (i: number) => (i < last ? 'up' : 'none');
    this.#convIn = new InflatedConv(weights, 'decoder.conv_in', config);
    this.#mid = new MidBlock(weights, 'decoder.mid_block', config);
    this.#levels = config.blockOutChannels.map(
      (_, i) => new Level(weights, `decoder.up_blocks.${i}`, config, config.layersPerBlock + 1, step(i)),
    );
    this.#out = new Head(weights, 'decoder', config);
  }

  forward(latent: Tensor): Tensor {
    let x = this.#convIn.forward(latent);
    x = advance(x, () => this.#mid.forward(x));
    for (const level of this.#levels) x = advance(x, () => level.forward(x));
    return advance(x, () => this.#out.forward(x));
  }
}

/** Norm, SiLU, convolution. */
class Head {
  readonly #norm: GroupNorm;
  readonly #conv: InflatedConv;

  constructor(weights: WeightBook, path: string, config: TAEConfig) {
    this.#norm = new GroupNorm(weights, `${path}.conv_norm_out`, config);
    this.#conv = new InflatedConv(weights, `${path}.conv_out`, config);
  }

  forward(x: Tensor): Tensor {
    return this.#conv.forward(this.#norm.silu(x));
  }
}
