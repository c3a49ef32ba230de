// Opens the files of a Wan checkpoint as diffusers lays it out: its index, the config and the weights of every model, the
// tokenizer, the scheduler, LoRAs. Nothing is loaded here (load.ts).

import { verified } from '../../checkpoint/checksums.ts';
import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { type OpenLora, openLoras } from '../../checkpoint/loras.ts';
import { type ModelPart, openPart } from '../../checkpoint/modelFiles.ts';
import { readTokenizer } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { LoadModelsOptions } from '../../generate/family.ts';
import { parseWanIndex, type WanIndex } from './modelIndex.ts';

/** The files of a checkpoint, open. */
export interface OpenedWan {
  readonly index: WanIndex;
  /** One, or two experts. */
  readonly transformers: readonly ModelPart[];
  readonly vae: ModelPart;
  readonly textEncoder: ModelPart;
  /** The parsed `tokenizer.json`. */
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  /** CLIP's image tower, and how pictures are prepared for it. */
  readonly imageEncoder: (ModelPart & { readonly processor: unknown }) | undefined;
  /** The parsed `scheduler_config.json`. */
  readonly scheduler: unknown;
  readonly loras: readonly OpenLora[];
  /** Whether reading costs a transfer. */
  readonly remote: boolean;
  /** Rejects if a file differs from its entry in the checkpoint's `SHA256SUMS`; reads what has not been read. */
  verify(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens all files of a checkpoint.
 * @throws CheckpointError, InputError, SafetensorsError; the signal's reason on abort. Nothing is left open then.
 */
export async function openWan(
  source: CheckpointFiles,
  { loras: loraFiles = [], http, signal }: Pick<LoadModelsOptions, 'loras' | 'http' | 'signal'>,
): Promise<OpenedWan> {
  await source.check?.(signal);
  const files = await verified(source, signal);
  const index = parseWanIndex(
    await needed(files, '', 'model_index.json', signal),
    pathOf(files, '', 'model_index.json'),
  );
  const loras = await openLoras(loraFiles, http, signal);
  const opened: { close(): Promise<void> }[] = [...loras];
  const close = async () => void (await Promise.all(opened.map((one) => one.close())));
  const open = async (folder: string): Promise<ModelPart> => {
    const part = await openPart(files, folder, signal);
    opened.push(part.weights);
    return part;
  };
  try {
    const { tokenizer, tokenizerConfig = {} } = await readTokenizer(files, index.textEncoder, signal);
    if (tokenizer === undefined) throw await missing(files, index.tokenizer, 'tokenizer.json', signal);
    const scheduler = await needed(files, index.scheduler, 'scheduler_config.json', signal);
    const transformers = [await open(index.transformer)];
    if (index.transformer2 !== undefined) transformers.push(await open(index.transformer2));
    const vae = await open(index.vae);
    const textEncoder = await open(index.textEncoder);
    const processor =
      index.imageEncoder && (await readJson(files, 'image_processor', 'preprocessor_config.json', signal));
    const imageEncoder = index.imageEncoder && { ...(await open(index.imageEncoder)), processor: processor ?? {} };
    return {
      index,
      transformers,
      vae,
      textEncoder,
      tokenizer,
      tokenizerConfig,
      imageEncoder: imageEncoder || undefined,
      scheduler,
      loras,
      remote: source.remote ?? false,
      verify: (stop) => files.verify(stop),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A JSON file that must be there. @throws CheckpointError */
export async function needed(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const json = await readJson(files, folder, name, signal);
  if (json === undefined) throw await missing(files, folder, name, signal);
  return json;
}

