// Loads the models of a Movie Gen checkpoint: opens and checks all files first, then fills the device. Not here: what the
// models do (models.ts).

import {
  DiT,
  isLinearWeight,
  loadDiT,
  parseConfig as parseDitConfig,
  placeLayers,
  StreamedDiT,
  type TextEncoderName,
  type VelocityModel,
} from '@moviegen/dit';
import { parseConfig as parseTaeConfig, TAE } from '@moviegen/tae';
import { type Device, loraChanges } from '@moviegen/tensor';
import { type TextEncoderFiles, TextEncoders } from '@moviegen/text';
import { verified } from '../../checkpoint/checksums.ts';
import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { heldSource } from '../../checkpoint/heldSource.ts';
import { openLoras } from '../../checkpoint/loras.ts';
import { bytesOf, openPart, type Part, placed } from '../../checkpoint/modelFiles.ts';
import { type ModuleName, modulePrecisions } from '../../checkpoint/precision.ts';
import { readTokenizer } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../../errors.ts';
import type { LoadModelsOptions } from '../../generate/family.ts';
import { type ModelIndex, parseModelIndex } from './modelIndex.ts';
import { MovieGenModels } from './models.ts';

/**
 * Opens all files of a checkpoint, then loads its models. Files that the checkpoint's `SHA256SUMS` names are verified.
 * @throws CheckpointError, SafetensorsError; the signal's reason on abort. What was loaded by then is released.
 */
export async function loadModels(
  device: Device,
  source: CheckpointFiles,
  { dtype, maxMemory, offload, loras: loraFiles = [], http, signal, onProgress }: LoadModelsOptions,
): Promise<MovieGenModels> {
  const precisions = modulePrecisions(dtype, device);
  if (maxMemory !== undefined && !(maxMemory > 0))
    throw new InputError(`checkpoint: maxMemory must be bytes above 0, got ${shown(maxMemory)}`);
  await source.check?.();
  const files = await verified(source, signal);
  const json = await readJson(files, '', 'model_index.json', signal);
  const indexPath = pathOf(files, '', 'model_index.json');
  if (json === undefined) throw await missing(files, '', 'model_index.json', signal);
  const index = parseModelIndex(json, indexPath);

  const parts: Part[] = [];
  const open = async (folder: string) => {
    const part = await openPart(files, folder, signal);
    parts.push(part);
    closing.push(part.weights);
    return part;
  };
  const loaded: { text?: TextEncoders; dit?: VelocityModel; tae?: TAE } = {};
  const loras = await openLoras(loraFiles, http, signal);
  const closing: { close(): Promise<void> }[] = [...loras];
  const close = () => Promise.all(closing.map((source) => source.close()));
  try {
    const [transformer, autoencoder] = [await open(index.transformer), await open(index.tae)];
    let encoder: Part | undefined; // the one being loaded
    const encoders = await openEncoders(files, index, open, (part) => {
      encoder = part;
    });
    const totalBytes = parts.reduce((sum, part) => sum + bytesOf(part.weights), 0);
    let before = 0;
    const began = performance.now();
    type Told = { readonly bytes: number; readonly totalBytes: number };
    const report = (part: Part, { bytes, totalBytes: all }: Told) => {
      const [done, model] = [before + bytes, part.folder];
      if (bytes === all) before += bytesOf(part.weights);
      const bytesPerSecond = (1000 * done) / (performance.now() - began);
      return onProgress?.({ phase: 'load', model, bytes: done, totalBytes, bytesPerSecond });
    };
    const options = (part: Part, module: ModuleName) => ({
      ...precisions[module],
      ...(signal && { signal }),
      onProgress: (progress: Told) => report(part, progress),
    });

    const ditConfig = await placed(transformer, () => parseDitConfig(transformer.config));
    const taeConfig = await placed(autoencoder, () => parseTaeConfig(autoencoder.config));
    if (ditConfig.inChannels !== taeConfig.latentChannels)
      throw new CheckpointError(
        `checkpoint: the transformer's in_channels ${ditConfig.inChannels} and the TAE's latent_channels ` +
          `${taeConfig.latentChannels} must be the same`,
      );
    // Before anything is loaded: what cannot be should not cost a minute.
    const changes = loraChanges(loras, DiT.weightShapes(ditConfig));
    if (maxMemory !== undefined) {
      const types = { ...precisions.dit, changes, linear: isLinearWeight };
      await placed(transformer, () => placeLayers(transformer.weights, ditConfig, types, maxMemory));
    }
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
    const inHost = maxMemory !== undefined && (offload ?? (source.remote ? 'host' : 'disk')) === 'host';
    const weights = inHost ? heldSource(transformer.weights) : transformer.weights;
    loaded.dit = await placed(transformer, () =>
      loadDiT(device, weights, ditConfig, { ...options(transformer, 'dit'), loras, maxMemory }),
    );
    loaded.tae = await placed(autoencoder, () =>
      TAE.load(device, autoencoder.weights, taeConfig, options(autoencoder, 'tae')),
    );
    await files.verify(signal);
    const { text, dit, tae } = loaded;
    const streams = dit instanceof StreamedDiT;
    if (!streams) await close();
    return new MovieGenModels(index, text, dit, tae, () => streams && void close());
  } catch (error) {
    for (const model of Object.values(loaded)) model.dispose();
    await close();
    throw error;
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
    const { tokenizer, tokenizerConfig = {} } = await readTokenizer(files, folder);
    if (tokenizer === undefined) throw await missing(files, folder, 'tokenizer.json');
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

type Widths = Readonly<Partial<Record<TextEncoderName, number>>>;

function checkWidths(wanted: Widths, given: Widths): void {
  for (const name of Object.keys(given) as TextEncoderName[])
    if (wanted[name] !== given[name])
      throw new CheckpointError(
        `checkpoint: the transformer projects ${name} of width ${shown(wanted[name])}, but that encoder gives ${given[name]}`,
      );
}
