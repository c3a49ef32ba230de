// Names of T5's weights in other layouts than that of transformers, which this package uses: Wan's original library (umT5) and
// llama.cpp's GGUF files.
import { renamedSource, renaming, type WeightSource } from '@moviegen/tensor';

/** Names of modules in a layer of the encoder: the original library's, GGUF's, and those of transformers. */
const LAYER = [
  ['attn.q', 'attn_q', 'layer.0.SelfAttention.q'],
  ['attn.k', 'attn_k', 'layer.0.SelfAttention.k'],
  ['attn.v', 'attn_v', 'layer.0.SelfAttention.v'],
  ['attn.o', 'attn_o', 'layer.0.SelfAttention.o'],
  ['pos_embedding.embedding', 'attn_rel_b', 'layer.0.SelfAttention.relative_attention_bias'],
  ['norm1', 'attn_norm', 'layer.0.layer_norm'],
  ['ffn.gate.0', 'ffn_gate', 'layer.1.DenseReluDense.wi_0'],
  ['ffn.fc1', 'ffn_up', 'layer.1.DenseReluDense.wi_1'],
  ['ffn.fc2', 'ffn_down', 'layer.1.DenseReluDense.wo'],
  ['norm2', 'ffn_norm', 'layer.1.layer_norm'],
] as const;

/** The name that transformers gives a tensor of a T5 encoder, by its name in any layout. */
export const t5Name: (name: string) => string = renaming([
  ['token_embedding', 'shared'],
  ['norm', 'encoder.final_layer_norm'],
  ['token_embd', 'shared'],
  ['enc.output_norm', 'encoder.final_layer_norm'],
  ...LAYER.flatMap(([original, gguf, name]): [string, string][] => [
    [`blocks.#.${original}`, `encoder.block.#.${name}`],
    [`enc.blk.#.${gguf}`, `encoder.block.#.${name}`],
  ]),
]);

/** A tokenizer inside of the weights, as ComfyUI's files hold it, and GGUF's decoder. */
const OTHER = /^(spiece_model|dec\..*|output\..*)$/;

/** The weights of a T5 encoder under the names of transformers, whatever layout the source has. */
export const t5Source = (source: WeightSource): WeightSource =>
  renamedSource(source, (name) => (OTHER.test(name) ? undefined : t5Name(name)));
