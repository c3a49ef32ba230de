// Which weights of the encoders are matrices of linear layers: only these may be quantised. The tables of tokens and
// positions are looked up, not multiplied.

const T5 =
  /^encoder\.block\.\d+\.layer\.\d+\.(SelfAttention\.[qkvo]|DenseReluDense\.w(i|i_0|i_1|o))\.weight$/;
const CLIP =
  /^((text|vision)_model\.)?encoder\.layers\.\d+\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])\.weight$/;

/** Whether a weight of a T5 encoder or a CLIP tower, by its name in the checkpoint, may be quantised. */
export const isLinearWeight = (name: string): boolean => T5.test(name) || CLIP.test(name);
