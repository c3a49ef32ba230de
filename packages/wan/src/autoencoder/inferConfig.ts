// The configuration of an autoencoder by its weights under diffusers' names, for a single file without a `config.json`. The
// statistics of its latents no weight tells: they are known for the published numbers of channels, and refused for all others.

import { ConfigError } from '@moviegen/tensor';
import { parseAutoencoderConfig, type WanAutoencoderConfig } from './config.ts';

/**
 * The configuration that an `AutoencoderKLWan` of these weights has.
 * @param shapes of all weights by name; other weights may be among them.
 * @throws ConfigError where the weights are of another model, or do not tell enough.
 */
export function inferAutoencoderConfig(
  shapes: Readonly<Record<string, readonly number[]>>,
): WanAutoencoderConfig {
  const has = (name: string) => Object.hasOwn(shapes, name);
  const shape = (name: string): readonly number[] => {
    if (has(name)) return shapes[name]!;
    throw new ConfigError(
      `wan autoencoder: the file holds no whole autoencoder of Wan: there is no ${name}; give one of AutoencoderKLWan, encoder and decoder`,
    );
  };
  const residual = has('encoder.down_blocks.0.resnets.0.conv1.weight');
  const count = (path: (i: number) => string) => {
    let n = 0;
    while (has(path(n))) n++;
    return n;
  };
  const levels = count((i) => `decoder.up_blocks.${i}.resnets.0.conv1.weight`);
  const blocks = count((r) => `decoder.up_blocks.0.resnets.${r}.conv1.weight`) - 1;
  const base = shape('encoder.conv_in.weight')[0]!;
  const width = (i: number) =>
    shape(
      residual
        ? `encoder.down_blocks.${i}.resnets.0.conv1.weight`
        : `encoder.down_blocks.${i * (blocks + 1)}.conv1.weight`,
    )[0]!;
  const step = (i: number) =>
    residual ? `encoder.down_blocks.${i}.downsampler` : `encoder.down_blocks.${i * (blocks + 1) + blocks}`;
  const dimMult = Array.from({ length: levels }, (_, i) => width(i) / base);
  const pixels = shape('encoder.conv_in.weight')[1]! / 3;
  return parseAutoencoderConfig({
    base_dim: base,
    decoder_base_dim: shape('decoder.conv_out.weight')[1]! / dimMult[0]!,
    z_dim: shape('decoder.conv_in.weight')[1],
    dim_mult: dimMult,
    num_res_blocks: blocks,
    temperal_downsample: Array.from({ length: levels - 1 }, (_, i) => has(`${step(i)}.time_conv.weight`)),
    is_residual: residual,
    patch_size: Math.sqrt(pixels),
  });
}
