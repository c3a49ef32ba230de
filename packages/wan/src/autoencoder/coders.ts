// Encoder and decoder of Wan's autoencoder: two tables of layers, built from their plans.
//
// Legend: B batch, T' H' W' frames, height, width of the pictures, T H W of the latents, C latent channels.

import {
  advance,
  averageDown,
  observe,
  observed,
  repeatUp,
  scope,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import { Attention, CausalConv, ChannelNorm, ResidualBlock } from './layers.ts';
import type { Past } from './past.ts';
import type { CoderPlan, LevelPlan } from './plan.ts';
import { Resample } from './resample.ts';

interface Layer {
  forward(x: Tensor, past: Past): Tensor;
}

/**
 * Pictures [B, T', H', W', colours] to moments [B, T, H, W, 2C], or latents [B, T, H, W, C] to pictures: by the plan. The first piece
 * of a video has 1 + 4k frames, later ones have 4k; of latents any number.
 */
export class Coder implements Layer {
  readonly #convIn: CausalConv;
  readonly #layers: readonly Layer[];
  readonly #norm: ChannelNorm;
  readonly #convOut: CausalConv;

  constructor(weights: WeightBook, plan: CoderPlan) {
    const { path, levels } = plan;
    const mid = new MidBlock(weights, `${path}.mid_block`, plan.middle);
    const built = levels.map((level) => new Level(weights, level, path === 'encoder' ? 'down' : 'up'));
    this.#convIn = new CausalConv(weights, `${path}.conv_in`);
    this.#layers = path === 'encoder' ? [...built, mid] : [mid, ...built];
    this.#norm = new ChannelNorm(weights, `${path}.norm_out`);
    this.#convOut = new CausalConv(weights, `${path}.conv_out`);
  }

  forward(x: Tensor, past: Past): Tensor {
    let h = this.#convIn.forward(x, past);
    for (const layer of this.#layers) h = advance(h, () => layer.forward(h, past));
    h = advance(h, () => this.#norm.silu(h));
    return advance(h, () => this.#convOut.forward(h, past));
  }
}

/** Residual blocks at one resolution, then a step; in 2.2 a shortcut around both. */
class Level implements Layer {
  readonly #plan: LevelPlan;
  readonly #direction: 'down' | 'up';
  readonly #layers: readonly Layer[];

  constructor(weights: WeightBook, plan: LevelPlan, direction: 'down' | 'up') {
    this.#plan = plan;
    this.#direction = direction;
    this.#layers = [
      ...plan.blocks.map((block) => new ResidualBlock(weights, block)),
      ...(plan.step ? [new Resample(weights, plan.step, direction)] : []),
    ];
  }

  forward(x: Tensor, past: Past): Tensor {
    const { path, shortcut } = this.#plan;
    if (shortcut !== undefined) observe(shortcut, () => this.#around(x, past, undefined));
    const h = sequence(this.#layers, x, past);
    const result = shortcut === undefined ? h : advance(h, () => this.#around(x, past, h));
    return path === undefined ? result : observed(path, result);
  }

  /** The shortcut around the level without weights (diffusers: `AvgDown3D`, `DupUp3D`), plus what the level gives. */
  #around(x: Tensor, past: Past, residual: Tensor | undefined): Tensor {
    const { step, to } = this.#plan;
    const cell = [step?.time ? 2 : 1, step ? 2 : 1] as const;
    if (this.#direction === 'down') return averageDown(x, { cell, channels: to, residual });
    const skip = past.pieces === 0 ? cell[0] - 1 : 0;
    return repeatUp(x, { cell, channels: to, skip, residual });
  }
}

/** Residual block, attention, residual block. */
class MidBlock implements Layer {
  readonly #path: string;
  readonly #layers: readonly Layer[];

  constructor(weights: WeightBook, path: string, width: number) {
    const block = (i: number) =>
      new ResidualBlock(weights, { path: `${path}.resnets.${i}`, from: width, to: width });
    this.#path = path;
    this.#layers = [block(0), new Attention(weights, `${path}.attentions.0`), block(1)];
  }

  forward(x: Tensor, past: Past): Tensor {
    return observed(this.#path, sequence(this.#layers, x, past));
  }
}

/** One layer after the other; x stays. */
function sequence([first, ...rest]: readonly Layer[], x: Tensor, past: Past): Tensor {
  return rest.reduce(
    (h, layer) => advance(h, () => layer.forward(h, past)),
    scope(x.device, () => first!.forward(x, past)),
  );
}
