// The weights of Wan's autoencoder by name, as diffusers saves them.

import type { WanAutoencoderConfig } from './config.ts';
import { type CoderPlan, decoderPlan, encoderPlan } from './plan.ts';

/** Half of an autoencoder. */
export type AutoencoderPart = 'encoder' | 'decoder';

type Shapes = Record<string, readonly number[]>;

/** Shape of every weight by its name in the checkpoint, of both halves or of one. */
export function weightShapes(config: WanAutoencoderConfig, part?: AutoencoderPart): Shapes {
  const { zDim: z } = config;
  const encoder = () => ({
    ...coderShapes(encoderPlan(config)),
    ...conv('quant_conv', 2 * z, 2 * z, [1, 1, 1]),
  });
  const decoder = () => ({
    ...coderShapes(decoderPlan(config)),
    ...conv('post_quant_conv', z, z, [1, 1, 1]),
  });
  return { ...(part !== 'decoder' && encoder()), ...(part !== 'encoder' && decoder()) };
}

function coderShapes({ path, input, first, middle, last, output, levels }: CoderPlan): Shapes {
  const shapes = conv(`${path}.conv_in`, input, first, [3, 3, 3]);
  for (const { blocks, step } of levels) {
    for (const block of blocks) Object.assign(shapes, residual(block.path, block.from, block.to));
    if (!step) continue;
    const down = path === 'encoder';
    Object.assign(shapes, conv(`${step.path}.resample.1`, step.from, step.to, [3, 3]));
    if (step.time)
      Object.assign(
        shapes,
        conv(`${step.path}.time_conv`, step.from, down ? step.from : 2 * step.from, [3, 1, 1]),
      );
  }
  const attention = `${path}.mid_block.attentions.0`;
  return {
    ...shapes,
    ...residual(`${path}.mid_block.resnets.0`, middle, middle),
    ...residual(`${path}.mid_block.resnets.1`, middle, middle),
    [`${attention}.norm.gamma`]: [middle, 1, 1],
    ...conv(`${attention}.to_qkv`, middle, 3 * middle, [1, 1]),
    ...conv(`${attention}.proj`, middle, middle, [1, 1]),
    [`${path}.norm_out.gamma`]: [last, 1, 1, 1],
    ...conv(`${path}.conv_out`, last, output, [3, 3, 3]),
  };
}

function residual(path: string, from: number, to: number): Shapes {
  return {
    [`${path}.norm1.gamma`]: [from, 1, 1, 1],
    ...conv(`${path}.conv1`, from, to, [3, 3, 3]),
    [`${path}.norm2.gamma`]: [to, 1, 1, 1],
    ...conv(`${path}.conv2`, to, to, [3, 3, 3]),
    ...(from !== to && conv(`${path}.conv_shortcut`, from, to, [1, 1, 1])),
  };
}

const conv = (path: string, from: number, to: number, kernel: readonly number[]): Shapes => ({
  [`${path}.weight`]: [to, from, ...kernel],
  [`${path}.bias`]: [to],
});
