// The configuration of an image autoencoder by its weights, for a single file without a `config.json`. How its latents are scaled
// no weight says: that is known of the published families, and refused of all others.

import { ConfigError, type WeightSource } from '@moviegen/tensor';
import { currentSource } from './source.ts';

/** What {@link inferConfig} finds. */
export interface InferredConfig {
  /** As a `config.json` has it: for `parseConfig`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What had to be supposed, for people. */
  readonly note: string;
}

/**
 * The `config.json` that an `AutoencoderKL` of these weights would have.
 * @throws ConfigError where the weights are of another model, or do not tell enough
 */
export function inferConfig(source: WeightSource): InferredConfig {
  const { source: weights, temporal } = currentSource(source);
  const names = new Set(weights.names());
  const beside = 'put the config.json of this autoencoder beside the file';
  const shape = (name: string): readonly number[] => {
    if (names.has(name)) return weights.shape(name);
    throw new ConfigError(
      `tae: the file holds no whole image autoencoder: there is no ${name}; give one of AutoencoderKL`,
    );
  };
  if (temporal) throw new ConfigError(`tae: a temporal autoencoder does not tell its scaling: ${beside}`);
  const widths: number[] = [];
  for (let i = 0; names.has(level(i, 0)); i++) widths.push(weights.shape(level(i, 0))[0]!);
  let layers = 0;
  while (names.has(level(0, layers))) layers++;
  const latentChannels = shape('decoder.conv_in.weight')[1]!;
  const xl = source.names().some((name) => name.startsWith('conditioner.'));
  const scale = latentChannels === 4 ? (xl ? 0.13025 : 0.18215) : undefined;
  if (scale === undefined || widths.some((width) => width % GROUPS !== 0))
    throw new ConfigError(
      `tae: ${latentChannels} latent channels and widths ${widths.join(', ')} do not tell the scaling and the groups: ${beside}`,
    );
  const family = xl ? 'Stable Diffusion XL' : 'Stable Diffusion';
  return {
    note: `the file has no config.json beside it: taken for an autoencoder of ${family}, whose latents are scaled by ${scale}`,
    config: {
      _class_name: 'AutoencoderKL',
      in_channels: shape('encoder.conv_in.weight')[1],
      out_channels: shape('decoder.conv_out.weight')[0],
      latent_channels: latentChannels,
      block_out_channels: widths,
      layers_per_block: layers,
      norm_num_groups: GROUPS,
      mid_block_add_attention: names.has('decoder.mid_block.attentions.0.to_q.weight'),
      use_quant_conv: names.has('quant_conv.weight'),
      use_post_quant_conv: names.has('post_quant_conv.weight'),
      scaling_factor: scale,
      force_upcast: true, // as diffusers supposes
    },
  };
}

/** Groups of the norms in all published ones: no shape tells. */
const GROUPS = 32;

const level = (i: number, layer: number) => `encoder.down_blocks.${i}.resnets.${layer}.conv1.weight`;
