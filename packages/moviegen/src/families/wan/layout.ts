// Which layout a Wan checkpoint has, and where its models are in it: diffusers' folders, the original repository, or nothing but
// single files that the caller names. What a `model_index.json` would say is supplied where there is none.

import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { pickleText } from '../../checkpoint/weightsFile.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import type { PartPlaces } from '../../generate/family.ts';
import { parseWanIndex, type WanIndex } from './modelIndex.ts';
import type { PartPlace } from './parts.ts';

/** Where the models of a checkpoint are. */
export interface WanLayout {
  /** What `model_index.json` says; undefined where there is none, and the weights tell. */
  readonly index: WanIndex | undefined;
  /** One, or two experts. */
  readonly transformers: readonly PartPlace[];
  readonly vae: PartPlace;
  /** Undefined where it is left alone. */
  readonly textEncoder: PartPlace | undefined;
  /** Folders in which the tokenizer may be. */
  readonly tokenizer: string;
  /** The parsed `scheduler_config.json`, where there is one. */
  readonly scheduler: unknown;
}

/** Files of the original repositories: what they are called there, as PyTorch and as safetensors. */
const ORIGINAL = {
  vae: ['Wan2.1_VAE', 'Wan2.2_VAE'],
  textEncoder: ['models_t5_umt5-xxl-enc-bf16', 'models_t5_umt5-xxl-enc'],
} as const;
const TOKENIZER = 'google/umt5-xxl';
const EXPERTS = ['high_noise_model', 'low_noise_model'] as const;

/** @param encodes whether the text encoder is looked for @throws CheckpointError where of single files one is not given, or an index is wrong */
export async function layoutOf(
  files: CheckpointFiles | undefined,
  parts: PartPlaces,
  encodes: boolean,
  signal?: AbortSignal,
): Promise<WanLayout> {
  const given = (place: PartPlaces[keyof PartPlaces]): PartPlace | undefined =>
    place === undefined ? undefined : { place };
  const own = {
    transformer: given(parts.transformer),
    transformer2: given(parts.transformer2),
    vae: given(parts.vae),
    textEncoder: given(parts.textEncoder),
  };
  if (files === undefined) {
    const { transformer, transformer2, vae, textEncoder } = own;
    const needed = { transformer, vae, ...(encodes && { textEncoder }) };
    const absent = Object.entries(needed).filter(([, at]) => at === undefined);
    if (!transformer || !vae || (encodes && !textEncoder))
      throw new CheckpointError(
        `checkpoint: of single files, these are not given: ${absent.map(([name]) => name).join(', ')}`,
      );
    const transformers = [transformer, ...(transformer2 ? [transformer2] : [])];
    return { index: undefined, transformers, vae, textEncoder, tokenizer: '', scheduler: undefined };
  }
  await files.check?.(signal);
  const json = await readJson(files, '', 'model_index.json', signal);
  const folder = (name: string): PartPlace => ({ files, folder: name });
  if (json !== undefined) {
    const index = parseWanIndex(json, pathOf(files, '', 'model_index.json'));
    const second = own.transformer2 ?? (index.transformer2 && folder(index.transformer2));
    const scheduler = await readJson(files, index.scheduler, 'scheduler_config.json', signal);
    if (scheduler === undefined) throw await missing(files, index.scheduler, 'scheduler_config.json', signal);
    return {
      index,
      transformers: [own.transformer ?? folder(index.transformer), ...(second ? [second] : [])],
      vae: own.vae ?? folder(index.vae),
      textEncoder: encodes ? (own.textEncoder ?? folder(index.textEncoder)) : undefined,
      tokenizer: index.textEncoder,
      scheduler,
    };
  }
  const one = (await readJson(files, '', 'config.json', signal)) !== undefined;
  if (!one && (await readJson(files, EXPERTS[0], 'config.json', signal)) === undefined)
    throw await missing(files, '', 'model_index.json', signal);
  return {
    index: undefined,
    transformers: one
      ? [own.transformer ?? folder(''), ...(own.transformer2 ? [own.transformer2] : [])]
      : [own.transformer ?? folder(EXPERTS[0]), own.transformer2 ?? folder(EXPERTS[1])],
    vae: own.vae ?? (await originalFile(files, 'vae', signal)),
    textEncoder: encodes
      ? (own.textEncoder ?? (await originalFile(files, 'textEncoder', signal)))
      : undefined,
    tokenizer: TOKENIZER,
    scheduler: undefined,
  };
}

/** Whether a folder is one of an original repository: one transformer in it, or two experts. */
export async function isOriginal(files: CheckpointFiles, signal?: AbortSignal): Promise<boolean> {
  const classOf = async (folder: string) =>
    ((await readJson(files, folder, 'config.json', signal)) as { _class_name?: unknown } | undefined)
      ?._class_name;
  return (await classOf('')) === 'WanModel' || (await classOf(EXPERTS[0])) === 'WanModel';
}

/** A file beside the transformer's; of PyTorch's, what to take instead. */
async function originalFile(
  files: CheckpointFiles,
  part: keyof typeof ORIGINAL,
  signal: AbortSignal | undefined,
): Promise<PartPlace> {
  const open = files.folder('');
  const isThere = async (name: string) => {
    const file = await open(name, signal);
    await file?.close();
    return file !== undefined;
  };
  for (const name of ORIGINAL[part])
    if (await isThere(`${name}.safetensors`)) return { files, folder: '', file: `${name}.safetensors` };
  for (const name of ORIGINAL[part])
    if (await isThere(`${name}.pth`))
      return {
        absent: new CheckpointError(
          `checkpoint: ${pathOf(files, '', `${name}.pth`)}: ${pickleText(`${name}.pth`)}: name it with ${part === 'vae' ? 'vae (--vae)' : 'textEncoder (--text-encoder)'}`,
        ),
      };
  return { absent: await missing(files, '', `${ORIGINAL[part][0]}.safetensors`, signal) };
}
