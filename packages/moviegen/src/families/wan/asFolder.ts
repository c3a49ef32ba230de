// A Wan checkpoint of any layout, or one model of it, as the files of diffusers' folders: for commands that write a checkpoint
// anew. The configs that single files lack are written here; nothing is loaded.

import { isLinearWeight as isLinearOfText } from '@moviegen/text';
import { isLinearWeight } from '@moviegen/wan';
import { openFiles, readJson } from '../../checkpoint/files.ts';
import { checkPlain, identifyWeights, identityText, type WeightsKind } from '../../checkpoint/identify.ts';
import { fileOf, openSingle } from '../../checkpoint/singleFile.ts';
import type { CheckpointFiles, FilesOptions, Place } from '../../checkpointFiles.ts';
import { InputError } from '../../errors.ts';
import type { FolderFiles, FolderPart } from '../../generate/family.ts';
import { type OpenedWan, type OpenWanOptions, openWan } from './open.ts';
import { openTextEncoder, openTransformer, type WanPart } from './parts.ts';

const MODEL = 'diffusion_pytorch_model.safetensors';
const plain = () => false;

/** All files of a checkpoint. @throws as `openWan` */
export async function asFolder(source: CheckpointFiles, options: OpenWanOptions): Promise<FolderFiles> {
  const opened = await openWan(source, options);
  const { transformers, vae, textEncoder, imageEncoder } = opened;
  const json: Record<string, unknown> = {
    'model_index.json': indexOf(opened),
    'scheduler/scheduler_config.json': opened.scheduler,
    'vae/config.json': vae.json,
  };
  const parts = transformers.map((one, i): FolderPart => {
    const folder = i === 0 ? 'transformer' : 'transformer_2';
    json[`${folder}/config.json`] = one.json;
    return { ...transformerPart(one), folder };
  });
  parts.push({ ...vae, folder: 'vae', file: MODEL, isLinear: plain });
  if (textEncoder) {
    parts.push({ ...textPart(textEncoder), folder: 'text_encoder' });
    json['text_encoder/config.json'] = textEncoder.json;
    json['tokenizer/tokenizer.json'] = textEncoder.tokenizer;
    json['tokenizer/tokenizer_config.json'] = textEncoder.tokenizerConfig;
  }
  if (imageEncoder) {
    parts.push({ ...imageEncoder, folder: 'image_encoder', file: 'model.safetensors', isLinear: plain });
    json['image_encoder/config.json'] = imageEncoder.config;
    json['image_processor/preprocessor_config.json'] = imageEncoder.processor;
  }
  return { parts, json, verify: opened.verify, close: opened.close };
}

/**
 * A transformer or a text encoder alone: a file of weights, or its folder.
 * @returns undefined where a folder holds something else
 * @throws CheckpointError, InputError of a file of other weights
 */
export async function oneModel(
  place: Place,
  options: FilesOptions,
  signal: AbortSignal | undefined,
  kind?: WeightsKind,
): Promise<FolderFiles | undefined> {
  const found = kind ?? (await kindOf(place, options, signal));
  if (found === undefined) return undefined;
  const opened =
    found === 'umt5'
      ? await openTextEncoder('text_encoder', { place }, options, signal)
      : await openTransformer('transformer', { place }, options, signal);
  return {
    parts: [found === 'umt5' ? textPart(opened) : transformerPart(opened)],
    json: { 'config.json': opened.json },
    verify: async () => {},
    close: opened.close,
  };
}

/** @throws InputError of a file of weights that are not quantised */
async function kindOf(
  place: Place,
  options: FilesOptions,
  signal: AbortSignal | undefined,
): Promise<WeightsKind | undefined> {
  const file = fileOf(place);
  if (file === undefined) {
    const config = await readJson(openFiles(place, options), '', 'config.json', signal);
    const { _class_name, model_type } = (config ?? {}) as { _class_name?: unknown; model_type?: unknown };
    return _class_name === 'WanTransformer3DModel'
      ? 'wan-transformer'
      : model_type === 'umt5' && _class_name === undefined
        ? 'umt5'
        : undefined;
  }
  const { path, weights } = await openSingle(file, options, signal);
  const identity = identifyWeights(weights);
  try {
    checkPlain(path, weights);
  } finally {
    await weights.close();
  }
  if (identity?.kind === 'wan-transformer' || identity?.kind === 'umt5') return identity.kind;
  const got = identity === undefined ? 'other weights' : identityText(identity);
  throw new InputError(
    `quantize: ${path} holds ${got}: only transformers and text encoders are quantised, here the files of Wan's`,
  );
}

const transformerPart = (part: WanPart<unknown>): FolderPart => ({
  ...{ folder: '', path: part.path, weights: part.weights },
  ...{ module: 'dit', file: MODEL, isLinear: isLinearWeight },
});
const textPart = (part: WanPart<unknown>): FolderPart => ({
  ...{ folder: '', path: part.path, weights: part.weights },
  ...{ module: 'text', file: 'model.safetensors', isLinear: isLinearOfText },
});

/** The `model_index.json` of what is open. */
function indexOf({ configs, switches, scheduler, textEncoder, imageEncoder }: OpenedWan) {
  const [first, second] = configs.transformers;
  const fromImage = !switches.expandTimesteps && first!.inChannels !== first!.outChannels;
  const transformer = ['diffusers', 'WanTransformer3DModel'];
  return {
    _class_name: fromImage ? 'WanImageToVideoPipeline' : 'WanPipeline',
    boundary_ratio: switches.boundaryRatio ?? null,
    expand_timesteps: switches.expandTimesteps,
    ...(imageEncoder && {
      image_encoder: ['transformers', 'CLIPVisionModel'],
      image_processor: ['transformers', 'CLIPImageProcessor'],
    }),
    scheduler: ['diffusers', (scheduler as { _class_name: string })._class_name],
    text_encoder: textEncoder ? ['transformers', 'UMT5EncoderModel'] : [null, null],
    tokenizer: ['transformers', 'T5TokenizerFast'],
    transformer,
    transformer_2: second ? transformer : [null, null],
    vae: ['diffusers', 'AutoencoderKLWan'],
  };
}
