// The models of a checkpoint, from its files to the device. Not here: what is done with them.

import { DiT, parseConfig as parseDitConfig } from '@moviegen/dit';
import { parseConfig as parseTaeConfig, TAE } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import { type TextEncoderFiles, TextEncoders } from '@moviegen/text';
import { type CheckpointFiles, pathOf, readJson } from './checkpointFiles.ts';
import { verified } from './checksums.ts';
import { CheckpointError, shown } from './errors.ts';
import { bytesOf, openPart, type Part, placed } from './modelFiles.ts';
import { type EncoderName, type ModelIndex, parseModelIndex } from './modelIndex.ts';
import { type DTypePolicy, type ModuleName, modulePrecisions } from './precision.ts';

/** The models of a checkpoint, on a device. */
export interface Models {
  readonly index: ModelIndex;
  readonly text: TextEncoders;
  readonly dit: DiT;
  readonly tae: TAE;
}

/** How far loading is: bytes of weights, as in the files. */
export interface LoadProgress {
  readonly phase: 'load';
  /** The model being loaded: `transformer`, `tae`, `text_encoder_ul2` ... */
  readonly model: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes a second since loading began. */
  readonly bytesPerSecond: number;
}

/** Options of loading. */
export interface LoadModelsOptions {
  readonly dtype: DTypePolicy;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/**
 * Opens all files of a checkpoint, then loads its models. Files that the checkpoint's `SHA256SUMS` names are verified.
 * @throws CheckpointError, SafetensorsError; the signal's reason on abort. What was loaded by then is released.
 */
export async function loadModels(
  device: Device,
  source: CheckpointFiles,
  { dtype, signal, onProgress }: LoadModelsOptions,
): Promise<Models> {
  const precisions = modulePrecisions(dtype, device);
  await source.check?.();
  const files = await verified(source, signal);
  const json = await readJson(files, '', 'model_index.json', signal);
  const indexPath = pathOf(files, '', 'model_index.json');
  if (json === undefined) throw new CheckpointError(`checkpoint: ${indexPath} is missing`);
  const index = parseModelIndex(json, indexPath);

  const parts: Part[] = [];
  const open = async (folder: string) => {
    const part = await openPart(files, folder, signal);
    parts.push(part);
    return part;
  };
  const loaded: { text?: TextEncoders; dit?: DiT; tae?: TAE } = {};
  try {
    const [transformer, autoencoder] = [await open(index.transformer), await open(index.tae)];
    let encoder: Part | undefined; // the one being loaded
    const encoders = await openEncoders(files, index, open, (part) => {
      encoder = part;
    });
    const totalBytes = parts.reduce((sum, part) => sum + bytesOf(part.weights), 0);
    let before = 0;
    const began = performance.now();
    const report = (part: Part, { bytes }: { readonly bytes: number }) => {
      const bytesPerSecond = (1000 * (before + bytes)) / (performance.now() - began);
      onProgress?.({ phase: 'load', model: part.folder, bytes: before + bytes, totalBytes, bytesPerSecond });
      if (bytes === bytesOf(part.weights)) before += bytes;
    };
    const options = (part: Part, module: ModuleName) => ({
      ...precisions[module],
      ...(signal && { signal }),
      onProgress: (progress: { readonly bytes: number }) => report(part, progress),
    });

    const ditConfig = await placed(transformer, () => parseDitConfig(transformer.config));
    const taeConfig = await placed(autoencoder, () => parseTaeConfig(autoencoder.config));
    if (ditConfig.inChannels !== taeConfig.latentChannels)
      throw new CheckpointError(
        `checkpoint: the transformer's in_channels ${ditConfig.inChannels} and the TAE's latent_channels ` +
          `${taeConfig.latentChannels} must be the same`,
      );
    const { maxLength, stripQuoted } = index;
    loaded.text = await placed(
      () => encoder,
      () =>
        TextEncoders.load(device, encoders, {
          ...{ ...precisions.text, maxLength, stripQuoted, ...(signal && { signal }) },
          onProgress: (_, progress) => report(encoder!, progress),
        }),
    );
    checkWidths(ditConfig.textDims, loaded.text.dims);
    loaded.dit = await placed(transformer, () =>
      DiT.load(device, transformer.weights, ditConfig, options(transformer, 'dit')),
    );
    loaded.tae = await placed(autoencoder, () =>
      TAE.load(device, autoencoder.weights, taeConfig, options(autoencoder, 'tae')),
    );
    await files.verify(signal);
    return { index, text: loaded.text, dit: loaded.dit, tae: loaded.tae };
  } catch (error) {
    for (const model of Object.values(loaded)) model.dispose();
    throw error;
  } finally {
    await Promise.all(parts.map(({ weights }) => weights.close()));
  }
}

/** @param reading is told which encoder's files are being looked at: an error of the loader does not say. */
async function openEncoders(
  files: CheckpointFiles,
  { textEncoders: { ul2, metaclip, byt5 } }: ModelIndex,
  open: (folder: string) => Promise<Part>,
  reading: (part: Part) => void,
): Promise<TextEncoderFiles> {
  const tokenized = async (folder: string) => {
    const part = await open(folder);
    const tokenizer = await readJson(files, folder, 'tokenizer.json');
    if (tokenizer === undefined)
      throw new CheckpointError(`checkpoint: ${part.path}/tokenizer.json is missing`);
    const tokenizerConfig = (await readJson(files, folder, 'tokenizer_config.json')) ?? {};
    const { config, weights } = part;
    return {
      ...{ config, weights, tokenizerConfig },
      get tokenizer() {
        reading(part);
        return tokenizer;
      },
    };
  };
  const plain = async (folder: string) => {
    const part = await open(folder);
    return {
      weights: part.weights,
      get config() {
        reading(part);
        return part.config;
      },
    };
  };
  return {
    ul2: ul2 === undefined ? undefined : await tokenized(ul2),
    metaclip: metaclip === undefined ? undefined : await tokenized(metaclip),
    byt5: byt5 === undefined ? undefined : await plain(byt5),
  };
}

type Widths = Readonly<Partial<Record<EncoderName, number>>>;

function checkWidths(wanted: Widths, given: Widths): void {
  for (const name of Object.keys(given) as EncoderName[])
    if (wanted[name] !== given[name])
      throw new CheckpointError(
        `checkpoint: the transformer projects ${name} of width ${shown(wanted[name])}, but that encoder gives ${given[name]}`,
      );
}
