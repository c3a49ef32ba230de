// Opens the files of a Wan checkpoint as diffusers lays it out: its index, the config and the weights of every model, the
// tokenizer, the scheduler, LoRAs. Nothing is loaded here (load.ts).

import { verified } from '../../checkpoint/checksums.ts';
import { readJson } from '../../checkpoint/files.ts';
import { type OpenLora, openLoras } from '../../checkpoint/loras.ts';
import { type ModelPart, openPart } from '../../checkpoint/modelFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import type { LoadModelsOptions } from '../../generate/family.ts';
import { readConfigs, type WanFiles } from './configs.ts';

/** The files of a checkpoint, open. */
export interface OpenedWan extends WanFiles {
  /** One, or two experts. */
  readonly transformers: readonly ModelPart[];
  readonly vae: ModelPart;
  readonly textEncoder: ModelPart;
  /** CLIP's image tower, and how pictures are prepared for it. */
  readonly imageEncoder: (ModelPart & { readonly processor: unknown }) | undefined;
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
  const files = await verified(source, signal);
  const small = await readConfigs(files, signal);
  const { index } = small;
  const loras = await openLoras(loraFiles, http, signal);
  const opened: { close(): Promise<void> }[] = [...loras];
  const close = async () => void (await Promise.all(opened.map((one) => one.close())));
  const open = async (folder: string): Promise<ModelPart> => {
    const part = await openPart(files, folder, signal);
    opened.push(part.weights);
    return part;
  };
  try {
    const transformers = [await open(index.transformer)];
    if (index.transformer2 !== undefined) transformers.push(await open(index.transformer2));
    const vae = await open(index.vae);
    const textEncoder = await open(index.textEncoder);
    const processor =
      index.imageEncoder && (await readJson(files, 'image_processor', 'preprocessor_config.json', signal));
    const imageEncoder = index.imageEncoder && {
      ...(await open(index.imageEncoder)),
      processor: processor ?? {},
    };
    return {
      ...small,
      transformers,
      vae,
      textEncoder,
      imageEncoder: imageEncoder || undefined,
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
