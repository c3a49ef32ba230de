// The blocks that encoder and decoder are built of: a level at one resolution, and the middle.

import { advance, type Tensor, type WeightBook } from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';
import { Attention, InflatedConv, ResnetBlock } from './layers.ts';
import type { Note } from './trace.ts';

interface Layer {
  forward(x: Tensor, note: Note): Tensor;
}

/** Residual blocks at one resolution, then a step down or up where there is another level. */
export class Level implements Layer {
  private readonly layers: readonly Layer[];

  constructor(
    weights: WeightBook,
    private readonly path: string,
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
    this.layers = [...blocks, ...last];
  }

  forward(x: Tensor, note: Note): Tensor {
    return through(this.layers, this.path, x, note);
  }
}

/** Residual block, spatial attention, temporal attention, residual block. */
export class MidBlock implements Layer {
  private readonly layers: readonly Layer[];

  constructor(
    weights: WeightBook,
    private readonly path: string,
    config: TAEConfig,
  ) {
    const attention = (name: string, over: 'space' | 'time') =>
      weights.has(`${path}.${name}.to_q.weight`)
        ? [new Attention(weights, `${path}.${name}`, over, config)]
        : [];
    this.layers = [
      new ResnetBlock(weights, `${path}.resnets.0`, config),
      ...attention('attentions.0', 'space'),
      ...attention('temporal_attentions.0', 'time'),
      new ResnetBlock(weights, `${path}.resnets.1`, config),
    ];
  }

  forward(x: Tensor, note: Note): Tensor {
    return through(this.layers, this.path, x, note);
  }
}

function through([first, ...rest]: readonly Layer[], path: string, x: Tensor, note: Note): Tensor {
  let h = first!.forward(x, note);
  for (const layer of rest) h = advance(h, () => layer.forward(h, note));
  note(path, () => h);
  return h;
}
