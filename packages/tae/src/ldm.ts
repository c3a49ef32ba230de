// The weights of an image autoencoder by the names of its original library (CompVis/latent-diffusion), as single files hold them:
// alone, or with a whole model around them.

/** What stands before the autoencoder's names in a file of a whole model. */
const INSIDE = /^(first_stage_model\.|vae\.)?(?:encoder|decoder)\.(?:down|up)(?:_blocks)?\.\d+\./;
/** What training leaves beside them. */
const TRAINING = /^(loss|model_ema)\./;

/**
 * The original names of an autoencoder's weights, each with today's (diffusers') name. Of a whole model's file, those of the
 * autoencoder alone.
 */
export function withoutLdm(names: readonly string[]): [original: string, name: string][] {
  const prefix = names.map((name) => INSIDE.exec(name)).find((match) => match !== null)?.[1] ?? '';
  const own = names
    .filter((name) => name.startsWith(prefix) && !TRAINING.test(name))
    .map((name): [string, string] => [name, name.slice(prefix.length)]);
  const levels = own.flatMap(([, name]) => /^decoder\.up\.(\d+)\./.exec(name)?.[1] ?? []).map(Number);
  const last = Math.max(-1, ...levels);
  return last < 0 ? own : own.map(([original, name]) => [original, fromLdm(name, last)]);
}

const ATTENTION: Readonly<Record<string, string>> = {
  norm: 'group_norm',
  q: 'to_q',
  k: 'to_k',
  v: 'to_v',
  proj_out: 'to_out.0',
};

/** @param last the highest level: the original decoder counts them from the pixels. */
const fromLdm = (name: string, last: number): string =>
  name
    .replace(/^encoder\.down\.(\d+)\./, 'encoder.down_blocks.$1.')
    .replace(/^decoder\.up\.(\d+)\./, (_, level: string) => `decoder.up_blocks.${last - Number(level)}.`)
    .replace(/(_blocks\.\d+)\.block\.(\d+)\./, '$1.resnets.$2.')
    .replace(/(_blocks\.\d+)\.(down|up)sample\./, '$1.$2samplers.0.')
    .replace(/\.mid\.block_(\d+)\./, (_, block: string) => `.mid_block.resnets.${Number(block) - 1}.`)
    .replace(
      /\.mid\.attn_1\.(norm|q|k|v|proj_out)\./,
      (_, part: string) => `.mid_block.attentions.0.${ATTENTION[part]}.`,
    )
    .replace('.nin_shortcut.', '.conv_shortcut.')
    .replace(/^(encoder|decoder)\.norm_out\./, '$1.conv_norm_out.');
