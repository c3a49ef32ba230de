// The weights of a TAE by name: the `AutoencoderKL` layout, with each temporal companion beside its spatial one.

import type { TAEConfig } from './config.ts';

type Shapes = Record<string, readonly number[]>;

/** Shape of every weight by its name in the checkpoint; without the temporal ones where `config.temporal` is false. */
export function weightShapes(config: TAEConfig): Shapes {
  const { blockOutChannels: widths, latentChannels: C, layersPerBlock } = config;
  const reversed = widths.toReversed();
  const shapes: Shapes = {};
  const put = (path: string, weight: readonly number[]) => {
    shapes[`${path}.weight`] = weight;
    shapes[`${path}.bias`] = [weight[0]!];
  };
  const conv = (path: string, from: number, to: number) => {
    put(path, [to, from, 3, 3]);
    if (config.temporal) put(`${path}.temporal`, [to, to, 3]);
  };
  const resnet = (path: string, from: number, to: number) => {
    put(`${path}.norm1`, [from]);
    conv(`${path}.conv1`, from, to);
    put(`${path}.norm2`, [to]);
    conv(`${path}.conv2`, to, to);
    if (from !== to) put(`${path}.conv_shortcut`, [to, from, 1, 1]);
  };
  const mid = (path: string, width: number) => {
    resnet(`${path}.resnets.0`, width, width);
    resnet(`${path}.resnets.1`, width, width);
    if (!config.midBlockAddAttention) return;
    for (const attention of config.temporal ? ['attentions.0', 'temporal_attentions.0'] : ['attentions.0']) {
      put(`${path}.${attention}.group_norm`, [width]);
      for (const w of ['to_q', 'to_k', 'to_v', 'to_out.0']) put(`${path}.${attention}.${w}`, [width, width]);
    }
  };
  const levels = (path: string, levelWidths: readonly number[], layers: number, step: string) =>
    levelWidths.forEach((width, i) => {
      const from = levelWidths[Math.max(i - 1, 0)]!;
      for (let k = 0; k < layers; k++) resnet(`${path}.${i}.resnets.${k}`, k === 0 ? from : width, width);
      if (i < levelWidths.length - 1) conv(`${path}.${i}.${step}.0.conv`, width, width);
    });

  conv('encoder.conv_in', config.inChannels, widths[0]!);
  levels('encoder.down_blocks', widths, layersPerBlock, 'downsamplers');
  mid('encoder.mid_block', widths.at(-1)!);
  put('encoder.conv_norm_out', [widths.at(-1)!]);
  conv('encoder.conv_out', widths.at(-1)!, 2 * C);
  if (config.useQuantConv) put('quant_conv', [2 * C, 2 * C, 1, 1]);
  if (config.usePostQuantConv) put('post_quant_conv', [C, C, 1, 1]);
  conv('decoder.conv_in', C, reversed[0]!);
  mid('decoder.mid_block', reversed[0]!);
  levels('decoder.up_blocks', reversed, layersPerBlock + 1, 'upsamplers');
  put('decoder.conv_norm_out', [reversed.at(-1)!]);
  conv('decoder.conv_out', reversed.at(-1)!, config.outChannels);
  return shapes;
}

/** Whether a weight is one that an image autoencoder lacks. */
export const isTemporal = (name: string): boolean => /\.temporal(_attentions)?\./.test(name);

const OLD_NAMES: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/** Today's name of a weight: older files spell the attention `query`, `key`, `value`, `proj_attn`. */
export function currentName(name: string): string {
  return name.replace(
    /(attentions\.\d+)\.(query|key|value|proj_attn)\./,
    (_, attention: string, old: string) => `${attention}.${OLD_NAMES[old]}.`,
  );
}

/** Older files hold the attention's linears as 1x1 convolutions, [out, in, 1, 1]. */
export function currentShape(name: string, shape: readonly number[]): readonly number[] {
  const linear = /attentions\.\d+\.(to_[qkv]|to_out\.0)\.weight$/.test(name);
  return linear && shape.slice(2).every((size) => size === 1) ? shape.slice(0, 2) : shape;
}
