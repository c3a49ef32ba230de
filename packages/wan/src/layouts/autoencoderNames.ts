// Names of the autoencoders' weights, 2.1's and 2.2's: those of the original repositories, which ComfyUI's files share, become those
// of diffusers, which this package uses.
import { renamedSource, type WeightSource } from '@moviegen/tensor';

/** Residual blocks of a level of the encoder, where the names do not tell. */
const USUAL_BLOCKS = 2;

/**
 * diffusers' name of a tensor of an autoencoder by its original name; another name is returned as it is.
 * @param blocks residual blocks of a level of the encoder (`num_res_blocks`); a level of the decoder has one more.
 */
function autoencoderName(name: string, blocks: number): string {
  const inLevel = (level: string | number, index: number) =>
    `decoder.up_blocks.${level}.${index > blocks ? 'upsampler' : `resnets.${index}`}.`;
  return name
    .replace(/^conv1\./, 'quant_conv.')
    .replace(/^conv2\./, 'post_quant_conv.')
    .replace(/^(encoder|decoder)\.conv1\./, '$1.conv_in.')
    .replace(/^(encoder|decoder)\.head\.0\./, '$1.norm_out.')
    .replace(/^(encoder|decoder)\.head\.2\./, '$1.conv_out.')
    .replace(/\.middle\.1\./, '.mid_block.attentions.0.')
    .replace(/\.middle\.([02])\./, (_, index: string) => `.mid_block.resnets.${Number(index) / 2}.`)
    .replace(/^encoder\.downsamples\.(\d+)\.downsamples\.(\d+)\./, (_, level: string, index: string) =>
      Number(index) < blocks
        ? `encoder.down_blocks.${level}.resnets.${index}.`
        : `encoder.down_blocks.${level}.downsampler.`,
    )
    .replace(/^decoder\.upsamples\.(\d+)\.upsamples\.(\d+)\./, (_, level: string, index: string) =>
      inLevel(level, Number(index)),
    )
    .replace(/^encoder\.downsamples\./, 'encoder.down_blocks.') // 2.1: one flat list in both layouts
    .replace(/^decoder\.upsamples\.(\d+)\./, (_, flat: string) => {
      const stages = blocks + 2; // of a level: its residual blocks and its upsampler
      return inLevel(Math.floor(Number(flat) / stages), Number(flat) % stages).replace(
        '.upsampler.',
        '.upsamplers.0.',
      );
    })
    .replace(/\.residual\.0\./, '.norm1.')
    .replace(/\.residual\.2\./, '.conv1.')
    .replace(/\.residual\.3\./, '.norm2.')
    .replace(/\.residual\.6\./, '.conv2.')
    .replace(/\.shortcut\./, '.conv_shortcut.');
}

/** Residual blocks of a level of the encoder, by original names: the decoder's first upsampler follows one more than these. */
function blocksIn(names: readonly string[]): number {
  const upsamplers = names.flatMap(
    (name) => /^decoder\.upsamples\.(?:0\.upsamples\.)?(\d+)\.resample\./.exec(name)?.[1] ?? [],
  );
  return upsamplers.length === 0 ? USUAL_BLOCKS : Math.min(...upsamplers.map(Number)) - 1;
}

/** Gives diffusers' name of each of an autoencoder's tensors. @param names all of them, in any layout. */
export function autoencoderNames(names: readonly string[]): (name: string) => string {
  const blocks = blocksIn(names);
  return (name) => autoencoderName(name, blocks);
}

/** An autoencoder's weights under diffusers' names, whatever layout the source has. */
export const autoencoderSource = (source: WeightSource): WeightSource =>
  renamedSource(source, autoencoderNames(source.names()));
