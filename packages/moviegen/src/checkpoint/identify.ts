// What one file of weights is, by its header alone: which model's weights, in whose layout. No tensor is read.

import { printable, type TensorSource } from '@moviegen/safetensors';
import { loraName, quantizedWeights, type WeightSource } from '@moviegen/tensor';
import { t5Name } from '@moviegen/text';
import { autoencoderNames, transformerName } from '@moviegen/wan';
import { CheckpointError, InputError } from '../errors.ts';

/** The models whose single files are known. */
export type WeightsKind = 'wan-transformer' | 'wan-autoencoder' | 'umt5' | 'clip-vision' | 'lora';

/**
 * Whose names and storage a file has: `diffusers` (of umT5: `transformers`), the `original` repository, `comfy` (its prefix, or its
 * scaled fp8), `gguf`; of a LoRA also `peft` and `kohya`.
 */
export type WeightsLayout = 'diffusers' | 'transformers' | 'original' | 'comfy' | 'gguf' | 'peft' | 'kohya';

/** What a file of weights is. */
export interface WeightsIdentity {
  readonly kind: WeightsKind;
  readonly layout: WeightsLayout;
  /** Of an autoencoder: Wan's version. */
  readonly version?: '2.1' | '2.2';
}

type Header = Pick<TensorSource, 'names' | 'shape' | 'dtype' | 'metadata'>;

const COMFY =
  /^(model\.)?diffusion_model\.|(^|\.)(scaled_fp8|comfy_quant|scale_weight|weight_scale|spiece_model)$/;
/** What only names in LoRA files have. */
const CHANGE = /lora[_.]|lycoris_|\.(hada|lokr|oft)_|\.diff(_b)?$/;
/** The key that every GGUF file has; no library writes it into safetensors. */
const ARCHITECTURE = 'general.architecture';

/** What a file of weights is; undefined where it is none of the known ones. */
export function identifyWeights(source: Header): WeightsIdentity | undefined {
  const names = source.names();
  if (names.length === 0) return undefined;
  const lora = names.filter((name) => loraName(name) !== undefined);
  if (2 * lora.length > names.length && lora.some((name) => CHANGE.test(name)))
    return { kind: 'lora', layout: loraLayout(lora) };
  const gguf = source.metadata[ARCHITECTURE] !== undefined;
  const comfy = names.some((name) => COMFY.test(name));
  const is = (kind: WeightsKind, own: WeightsLayout, same: boolean): WeightsIdentity => ({
    kind,
    layout: gguf ? 'gguf' : comfy ? 'comfy' : same ? own : 'original',
  });
  /** Whether all of these are among the names once they are renamed, and whether one had another name. */
  const among = (rename: (name: string) => string, wanted: readonly string[]) => {
    const renamed = new Map(names.map((name) => [rename(name), name]));
    const found = wanted.every((name) => renamed.has(name));
    return { found, same: wanted.every((name) => renamed.get(name) === name) };
  };
  const transformer = among(transformerName, [
    'scale_shift_table',
    'blocks.0.scale_shift_table',
    'blocks.0.attn2.to_q.weight',
    'condition_embedder.time_proj.weight',
  ]);
  if (transformer.found) return is('wan-transformer', 'diffusers', transformer.same);
  const bias = (layer: number) =>
    `encoder.block.${layer}.layer.0.SelfAttention.relative_attention_bias.weight`;
  // T5 has a bias in its first layer only.
  const text = among(t5Name, [bias(0), bias(1), 'encoder.block.0.layer.1.DenseReluDense.wi_1.weight']);
  if (text.found) return is('umt5', 'transformers', text.same);
  const patches = /^(vision_model\.)?embeddings\.patch_embedding\.weight$/;
  // A whole CLIP model has a text tower beside it.
  if (names.some((name) => patches.test(name)) && !names.some((name) => name.startsWith('text_model.')))
    return { kind: 'clip-vision', layout: 'transformers' };
  const middle = 'decoder.mid_block.attentions.0.to_qkv.weight';
  const codes = among(autoencoderNames(names), [middle, 'decoder.norm_out.gamma']);
  if (!codes.found) return undefined;
  // Only Wan's have RMSNorms over channels; only 2.2's levels are nested in both layouts.
  const version = names.some((name) => /\.upsampler\.|\.upsamples\.\d+\.upsamples\./.test(name))
    ? '2.2'
    : '2.1';
  return { ...is('wan-autoencoder', 'diffusers', codes.same), version };
}

/** The layout of a LoRA, by the names of its tensors. */
function loraLayout(names: readonly string[]): WeightsLayout {
  const first = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (first(/^(lora_\w+?|lycoris)_\w+\.(lora_down|lora_up|alpha|hada|lokr|diff)/)) return 'kohya';
  if (first(/^(model\.)?diffusion_model\./)) return 'comfy';
  return first(/^(transformer|unet|text_encoder)(_2)?\./) ? 'diffusers' : 'peft';
}

const WORDS: Readonly<Record<WeightsKind, string>> = {
  'wan-transformer': "Wan's transformer",
  'wan-autoencoder': "Wan's autoencoder",
  umt5: 'the text encoder umT5',
  'clip-vision': "CLIP's image tower",
  lora: 'a LoRA',
};
const LAYOUTS: Readonly<Record<WeightsLayout, string>> = {
  diffusers: 'diffusers',
  transformers: 'transformers',
  original: 'the original repository',
  comfy: 'ComfyUI',
  gguf: 'GGUF',
  peft: 'PEFT',
  kohya: "kohya's scripts",
};

/** An identity in words: `Wan's autoencoder 2.2, in the layout of ComfyUI`. */
export const identityText = ({ kind, layout, version }: WeightsIdentity): string =>
  `${WORDS[kind]}${version === undefined ? '' : ` ${version}`}, in the layout of ${LAYOUTS[layout]}`;

/**
 * Says what a file is where it is not what is wanted.
 * @throws CheckpointError
 */
export function checkKind(path: string, source: Header, wanted: WeightsKind): WeightsIdentity {
  const found = identifyWeights(source);
  if (found?.kind === wanted) return found;
  const architecture = source.metadata[ARCHITECTURE];
  const got =
    found !== undefined
      ? `it holds ${identityText(found)}`
      : architecture !== undefined
        ? `it holds a model of the architecture "${printable(architecture)}"`
        : `it holds other weights, like ${printable(source.names()[0] ?? 'none')}`;
  throw new CheckpointError(`checkpoint: ${path}: ${got}; expected ${WORDS[wanted]}`);
}

/** Refuses a source that is already quantised. @throws InputError */
export function checkPlain(path: string, source: WeightSource): void {
  const [first] = quantizedWeights(source);
  if (first === undefined) return;
  throw new InputError(
    `quantize: ${path} is quantised already (${printable(first[0])} is ${first[1]}): quantise the original files`,
  );
}
