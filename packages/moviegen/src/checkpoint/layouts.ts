// Layouts of weights that are not read here, recognised by their names: so that one line can say what a file is.

/** Names that a layout alone has, and whose layout it is. */
const LAYOUTS: readonly (readonly [names: RegExp, layout: string])[] = [
  [
    /^(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner\.embedders|text_encoders\.\w+|vae)\./,
    'a whole pipeline in one file (the original Stable Diffusion, ComfyUI)',
  ],
  [/^(text\.|model\.)?transformer\.resblocks\.\d+\.|^visual\./, 'OpenCLIP or the original CLIP'],
  [/^(enc\.|dec\.)?blk\.\d+\.|^token_embd\./, 'llama.cpp (GGUF)'],
  [/[./](kernel|embedding)$|^(params|target)[./]/, 'Flax or T5X'],
  [/\.weight\.(absmax|quant_map|nested_absmax|quant_state\.\w+)|\.SCB$/, 'bitsandbytes'],
  [/\.(qweight|qzeros|g_idx)$/, 'GPTQ or AWQ'],
  [/^(encoder|decoder)\.(down|up|mid)\.\w+\.|^(encoder|decoder)\.mid\.attn_/, 'the original library (LDM)'],
  [
    /^(token_embedding|pos_embedding|blocks\.\d+\.(attn|ffn|norm\d|pos_embedding))\./,
    'the original library of Wan',
  ],
  [/^(bert\.|roberta\.)|\.attention\.self\.(query|key|value)\./, 'BERT'],
];

/** Less than this share of the names may be anything. */
const SHARE = 0.2;

/** Whose layout the names of weights are, and one of them; undefined where it is none of the known ones. */
export function otherLayout(names: readonly string[]): { layout: string; name: string } | undefined {
  for (const [pattern, layout] of LAYOUTS) {
    const found = names.filter((name) => pattern.test(name));
    if (found.length > 0 && found.length >= SHARE * names.length) return { layout, name: found[0]! };
  }
  return undefined;
}
