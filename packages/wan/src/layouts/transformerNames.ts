// Names of the transformer's weights: those of the original repositories, which ComfyUI and GGUF files share, beside those of
// diffusers, which this package uses.
import { renamedSource, renaming, reversed, type WeightSource } from '@moviegen/tensor';

/** An attention of a block: `self_attn` is `attn1`, `cross_attn` is `attn2`. */
const attention = (original: string, name: string): [string, string][] => [
  ...['q', 'k', 'v'].map((part): [string, string] => [`${original}.${part}`, `${name}.to_${part}`]),
  [`${original}.o`, `${name}.to_out.0`],
  [`${original}.norm_q`, `${name}.norm_q`],
  [`${original}.norm_k`, `${name}.norm_k`],
];

/** Original names of modules and tensors with diffusers' names. In blocks, `norm2` and `norm3` are swapped. */
const PAIRS: readonly [original: string, name: string][] = [
  ['time_embedding.0', 'condition_embedder.time_embedder.linear_1'],
  ['time_embedding.2', 'condition_embedder.time_embedder.linear_2'],
  ['time_projection.1', 'condition_embedder.time_proj'],
  ['text_embedding.0', 'condition_embedder.text_embedder.linear_1'],
  ['text_embedding.2', 'condition_embedder.text_embedder.linear_2'],
  ['img_emb.proj.0', 'condition_embedder.image_embedder.norm1'],
  ['img_emb.proj.1', 'condition_embedder.image_embedder.ff.net.0.proj'],
  ['img_emb.proj.3', 'condition_embedder.image_embedder.ff.net.2'],
  ['img_emb.proj.4', 'condition_embedder.image_embedder.norm2'],
  ['img_emb.emb_pos', 'condition_embedder.image_embedder.pos_embed'],
  ['blocks.#.modulation', 'blocks.#.scale_shift_table'],
  ...attention('blocks.#.self_attn', 'blocks.#.attn1'),
  ...attention('blocks.#.cross_attn', 'blocks.#.attn2'),
  ['blocks.#.cross_attn.k_img', 'blocks.#.attn2.add_k_proj'],
  ['blocks.#.cross_attn.v_img', 'blocks.#.attn2.add_v_proj'],
  ['blocks.#.cross_attn.norm_k_img', 'blocks.#.attn2.norm_added_k'],
  ['blocks.#.norm3', 'blocks.#.norm2'],
  ['blocks.#.ffn.0', 'blocks.#.ffn.net.0.proj'],
  ['blocks.#.ffn.2', 'blocks.#.ffn.net.2'],
  ['head.head', 'proj_out'],
  ['head.modulation', 'scale_shift_table'],
];

/** What files of ComfyUI put before all names. */
const PREFIX = /^(model\.)?diffusion_model\./;
const fromOriginal = renaming(PAIRS);

/** diffusers' name of a module or tensor of the transformer, by its name in any layout, with or without ComfyUI's prefix. */
export const transformerName = (name: string): string => fromOriginal(name.replace(PREFIX, ''));

/** The original name of a module or tensor of the transformer, by diffusers' name: LoRA files are often written by it. */
export const originalTransformerName: (name: string) => string = renaming(reversed(PAIRS));

/** Tensors that no forward pass reads: diffusers leaves them out too. */
const UNUSED = /\.norm_added_q\./;

/** The transformer's weights under diffusers' names, whatever layout the source has. */
export const transformerSource = (source: WeightSource): WeightSource =>
  renamedSource(source, (name) => (UNUSED.test(name) ? undefined : transformerName(name)));
