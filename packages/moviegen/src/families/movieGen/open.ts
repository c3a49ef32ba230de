// Opens the files of a Movie Gen checkpoint: its index, the config and the weights of every model, tokenizers and LoRAs.
// Nothing is loaded here and no two models are compared (load.ts).

import { verified } from '../../checkpoint/checksums.ts';
import { type FilesOptions, missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { type LoraFile, type OpenLora, openLoras } from '../../checkpoint/loras.ts';
import { type ModelPart, openPart } from '../../checkpoint/modelFiles.ts';
import { readTokenizerAt, type TokenizerPlaces, tokenizerPlaces } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { InputError } from '../../errors.ts';
import type { PartPlaces } from '../../generate/family.ts';
import { readImageProcessor } from '../../imageProcessor.ts';
import type { ImageTowerPart } from '../imageTower.ts';
import { type ModelIndex, tokenized } from './modelIndex.ts';

/** An encoder's files with its tokenizer. */
export interface TokenizedPart extends ModelPart {
  /** The parsed `tokenizer.json`. */
  readonly tokenizer: unknown;
  /** The parsed `tokenizer_config.json`; `{}` where there is none. */
  readonly tokenizerConfig: unknown;
}

/** The files of a checkpoint, open. */
export interface OpenedCheckpoint<Index> {
  readonly index: Index;
  readonly transformer: ModelPart;
  readonly tae: ModelPart;
  readonly encoders: {
    readonly ul2: TokenizedPart | undefined;
    readonly metaclip: TokenizedPart | undefined;
    readonly byt5: ModelPart | undefined;
  };
  /** Read at each call that gives a reference picture. */
  readonly imageEncoder: ImageTowerPart | undefined;
  readonly loras: readonly OpenLora[];
  /** Whether reading costs a transfer. */
  readonly remote: boolean;
  /** Rejects if a file differs from its entry in the checkpoint's `SHA256SUMS`; reads what has not been read. */
  verify(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What is opened besides the checkpoint. */
export interface OpenOptions {
  readonly loras?: readonly LoraFile[] | undefined;
  /** Tokenizers that lie elsewhere. */
  readonly tokenizer?: TokenizerPlaces | undefined;
  /** How addresses of LoRAs and tokenizers are requested. */
  readonly http?: FilesOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws InputError where models are given one by one, as only Wan's are */
export function checkNoParts({ parts }: { readonly parts?: PartPlaces | undefined }): void {
  if (parts !== undefined)
    throw new InputError(
      'checkpoint: single models (--transformer, --vae, --text-encoder) are for Wan: this is a Movie Gen checkpoint, all of whose models lie in it',
    );
}

/** What an index says of where the models are. */
export type Folders = Pick<ModelIndex, 'transformer' | 'tae' | 'textEncoders' | 'imageEncoder'>;

/**
 * Opens all files of a checkpoint. Files that its `SHA256SUMS` lists are verified as they are read.
 * @param parse reads its index.
 * @throws CheckpointError, InputError, SafetensorsError; the signal's reason on abort. Nothing is left open then.
 */
export async function openMovieGen<Index extends Folders>(
  source: CheckpointFiles,
  parse: (json: unknown, path: string) => Index,
  { loras: loraFiles = [], tokenizer, http, signal }: OpenOptions,
): Promise<OpenedCheckpoint<Index>> {
  await source.check?.(signal);
  const files = await verified(source, signal);
  const json = await readJson(files, '', 'model_index.json', signal);
  const indexPath = pathOf(files, '', 'model_index.json');
  if (json === undefined) throw await missing(files, '', 'model_index.json', signal);
  const index = parse(json, indexPath);
  const places = tokenizerPlaces(tokenizer, tokenized(index));

  const loras = await openLoras(loraFiles, http, signal);
  const opened: { close(): Promise<void> }[] = [...loras];
  const close = async () => void (await Promise.all(opened.map((one) => one.close())));
  const open = async (folder: string): Promise<ModelPart> => {
    const part = await openPart(files, folder, signal);
    opened.push(part.weights);
    return part;
  };
  const openTower = async (folder: string): Promise<ImageTowerPart> => ({
    ...(await open(folder)),
    processor: await readImageProcessor(files, folder, signal),
  });
  const { imageEncoder } = index;
  const { ul2, metaclip, byt5 } = index.textEncoders;
  const openTokenized = async (name: 'ul2' | 'metaclip', folder: string): Promise<TokenizedPart> => {
    const part = await open(folder);
    return { ...part, ...(await readTokenizerAt(files, folder, places[name], http, signal)) };
  };
  try {
    return {
      index,
      transformer: await open(index.transformer),
      tae: await open(index.tae),
      encoders: {
        ul2: ul2 === undefined ? undefined : await openTokenized('ul2', ul2),
        metaclip: metaclip === undefined ? undefined : await openTokenized('metaclip', metaclip),
        byt5: byt5 === undefined ? undefined : await open(byt5),
      },
      imageEncoder: imageEncoder === undefined ? undefined : await openTower(imageEncoder),
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
