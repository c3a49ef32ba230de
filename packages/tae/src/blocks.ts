// The blocks that encoder and decoder are built of: a level at one resolution, and the middle.

import { advance, observed, type Tensor, type WeightBook } from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';
import { Attention, InflatedConv, ResnetBlock } from './layers.ts';

interface Layer {
  forward(x: Tensor): Tensor;
}

/** Residual blocks at one resolution, then a step down or up where there is another level. */
export class Level implements Layer {
  readonly #path: string;
  readonly #layers: readonly Layer[];

  constructor(
    weights: WeightBook,
    path: string,
    config: TAEConfig,
    resnets: number,
    step: 'down' | 'up' | 'none',
  ) {
    const blocks = Array.from(
      { length: resnets },
      (_, i) => new ResnetBlock(weights, `${path}.resnets.${i}`, config),
    );
    const sampler = step === 'down' ? 'downsamplers' : 'upsamplers';
    const last =
      step === 'none' ? [] : [new InflatedConv(weights, `${path}.${sampler}.0.conv`, config, step)];
    this.#path = path;
    this.#layers = [...blocks, ...last];
  }

  forward(x: Tensor): Tensor {
    return observed(this.#path, sequence(this.#layers, x));
  }
}

/** Residual block, spatial attention, temporal attention, residual block. */
export class MidBlock implements Layer {
  readonly #path: string;
  readonly #layers: readonly Layer[];

  constructor(weights: WeightBook, path: string, config: TAEConfig) {
    const attention = (name: string, over: 'space' | 'time') =>
      weights.has(`${path}.${name}.to_q.weight`)
        ? [new Attention(weights, `${path}.${name}`, over, config)]
        : [];
    this.#path = path;
    this.#layers = [
      new ResnetBlock(weights, `${path}.resnets.0`, config),
      ...attention('attentions.0', 'space'),
      ...attention('temporal_attentions.0', 'time'),
      new ResnetBlock(weights, `${path}.resnets.1`, config),
    ];
  }

  forward(x: Tensor): Tensor {
    return observed(this.#path, sequence(this.#layers, x));
  }
}

/** One layer after the other; x stays. */
function sequence([first, ...rest]: readonly Layer[], x: Tensor): Tensor {
  return rest.reduce((h, layer) => advance(h, () => layer.forward(h)), first!.forward(x));
}
