// Encoder and decoder: those of the image autoencoder of Latent Diffusion, inflated. Two tables of layers.

import { advance, type Tensor, type WeightBook } from '@moviegen/tensor';
import { Level, MidBlock } from './blocks.ts';
import type { TAEConfig } from './config.ts';
import { GroupNorm, InflatedConv } from './layers.ts';
import type { Note } from './trace.ts';

/** Frames [B, T', H', W', 3] to the distribution of their latent, [B, T, H, W, 2C]: mean and log-variance. */
export class Encoder {
  private readonly convIn: InflatedConv;
  private readonly levels: readonly Level[];
  private readonly mid: MidBlock;
  private readonly out: Head;

  constructor(weights: WeightBook, config: TAEConfig) {
    const last = config.blockOutChannels.length - 1;
    const step = (i: number) => (i < last ? 'down' : 'none');
    this.convIn = new InflatedConv(weights, 'encoder.conv_in', config);
    this.levels = config.blockOutChannels.map(
      (_, i) => new Level(weights, `encoder.down_blocks.${i}`, config, config.layersPerBlock, step(i)),
    );
    this.mid = new MidBlock(weights, 'encoder.mid_block', config);
    this.out = new Head(weights, 'encoder', config);
  }

  forward(video: Tensor, note: Note): Tensor {
    let x = this.convIn.forward(video, note);
    for (const level of this.levels) x = advance(x, () => level.forward(x, note));
    x = advance(x, () => this.mid.forward(x, note));
    return advance(x, () => this.out.forward(x, note));
  }
}

/** Latent [B, T, H, W, C] to frames [B, 8T, 8H, 8W, 3]. */
export class Decoder {
  private readonly convIn: InflatedConv;
  private readonly mid: MidBlock;
  private readonly levels: readonly Level[];
  private readonly out: Head;

  constructor(weights: WeightBook, config: TAEConfig) {
    const last = config.blockOutChannels.length - 1;
    const step = (i: number) => (i < last ? 'up' : 'none');
    this.convIn = new InflatedConv(weights, 'decoder.conv_in', config);
    this.mid = new MidBlock(weights, 'decoder.mid_block', config);
    this.levels = config.blockOutChannels.map(
      (_, i) => new Level(weights, `decoder.up_blocks.${i}`, config, config.layersPerBlock + 1, step(i)),
    );
    this.out = new Head(weights, 'decoder', config);
  }

  forward(latent: Tensor, note: Note): Tensor {
    let x = this.convIn.forward(latent, note);
    x = advance(x, () => this.mid.forward(x, note));
    for (const level of this.levels) x = advance(x, () => level.forward(x, note));
    return advance(x, () => this.out.forward(x, note));
  }
}

/** Norm, SiLU, convolution. */
class Head {
  private readonly norm: GroupNorm;
  private readonly conv: InflatedConv;

  constructor(
    weights: WeightBook,
    private readonly path: string,
    config: TAEConfig,
  ) {
    this.norm = new GroupNorm(weights, `${path}.conv_norm_out`, config);
    this.conv = new InflatedConv(weights, `${path}.conv_out`, config);
  }

  forward(x: Tensor, note: Note): Tensor {
    note(`${this.path}.conv_norm_out`, () => this.norm.forward(x));
    return this.conv.forward(this.norm.silu(x), note);
  }
}
