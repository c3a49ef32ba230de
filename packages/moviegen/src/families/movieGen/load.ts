// Loads the models of a Movie Gen checkpoint in three steps: open all files (open.ts), check what can be checked before
// anything is loaded, then fill the device. Not here: what the models do (models.ts).

import {
  DiT,
  type DiTConfig,
  isLinearWeight,
  loadDiT,
  parseConfig as parseDitConfig,
  placeLayers,
  StreamedDiT,
  type TextSourceName,
  type VelocityModel,
} from '@moviegen/dit';
import { parseConfig as parseTaeConfig, TAE, type TAEConfig } from '@moviegen/tae';
import { type Device, loraChanges } from '@moviegen/tensor';
import { parseClipVisionConfig, TextEncoders } from '@moviegen/text';
import { heldSource } from '../../checkpoint/heldSource.ts';
import { oneTransformer } from '../../checkpoint/loras.ts';
import { bytesOf, type ModelPart, placed } from '../../checkpoint/modelFiles.ts';
import {
  autoencoderPrecision,
  type ModuleName,
  type ModulePrecision,
  modulePrecisions,
} from '../../checkpoint/precision.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../../errors.ts';
import type { LoadModelsOptions } from '../../generate/family.ts';
import { type EncodePictures, imageTower } from '../imageTower.ts';
import { parseModelIndex } from './modelIndex.ts';
import { MovieGenModels } from './models.ts';
import { checkNoParts, type OpenedCheckpoint, openMovieGen } from './open.ts';
import type { ReadIndex } from './pipelineConfigs.ts';
import { UpsamplerModels } from './upsampler.ts';
import { imageConfig, parseUpsamplerIndex } from './upsamplerIndex.ts';

type Precisions = Readonly<Record<ModuleName, ModulePrecision>>;

/**
 * Opens all files of a checkpoint, then loads its models. Files that the checkpoint's `SHA256SUMS` lists are verified.
 * @throws CheckpointError, InputError, SafetensorsError; the signal's reason on abort. What was opened or loaded by then
 *   is released.
 */
export function loadModels(
  device: Device,
  source: CheckpointFiles,
  options: LoadModelsOptions,
): Promise<MovieGenModels> {
  return loadParts(device, source, options, {
    parse: parseModelIndex,
    configOf: (json) => parseTaeConfig(json),
    make: ({ index, text, dit, tae, encodePictures, close }) =>
      new MovieGenModels(index, text, dit, tae, encodePictures, close),
  });
}

/** The same of an upsampler, whose autoencoder is one of images. */
export function loadUpsampler(
  device: Device,
  source: CheckpointFiles,
  options: LoadModelsOptions,
): Promise<UpsamplerModels> {
  return loadParts(device, source, options, {
    parse: parseUpsamplerIndex,
    conditioning: 'video',
    configOf: imageConfig,
    make: ({ index, text, dit, tae, close }) => new UpsamplerModels(index, text, dit, tae, close),
  });
}

/** What kinds of checkpoints differ in. */
interface Kind<Index, Models> {
  readonly parse: (json: unknown, path: string) => Index;
  /** The autoencoder's config. */
  readonly configOf: (json: unknown) => TAEConfig;
  /** What the transformer must be given; undefined: what its config says. */
  readonly conditioning?: DiTConfig['conditioning'];
  readonly make: (parts: {
    readonly index: Index;
    readonly text: TextEncoders;
    readonly dit: VelocityModel;
    readonly tae: TAE;
    readonly encodePictures: EncodePictures | undefined;
    readonly close: () => void;
  }) => Models;
}

async function loadParts<Index extends ReadIndex, Models>(
  device: Device,
  source: CheckpointFiles,
  options: LoadModelsOptions,
  kind: Kind<Index, Models>,
): Promise<Models> {
  const { dtype, maxMemory } = options;
  const precisions = modulePrecisions(dtype, device);
  if (maxMemory !== undefined && !(maxMemory > 0))
    throw new InputError(`checkpoint: maxMemory must be bytes above 0, got ${shown(maxMemory)}`);
  if (options.textEncoder === false)
    throw new InputError(
      'checkpoint: prompt states, and loading without text encoders, are for Wan: this is a Movie Gen checkpoint',
    );
  checkNoParts(options);
  if (options.loras2 !== undefined) throw oneTransformer();
  const opened = await openMovieGen(source, kind.parse, options);
  try {
    const configs = await checkOpened(opened, kind, precisions.dit, options);
    return await loadOpened(device, opened, kind, configs, precisions, options);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface Configs {
  readonly dit: DiTConfig;
  readonly tae: TAEConfig;
}

/** Finds what cannot be loaded before a minute is spent on loading the rest. Gives the configs that it has parsed. */
async function checkOpened<Index, Models>(
  { transformer, tae, imageEncoder, loras }: OpenedCheckpoint<Index>,
  { configOf, conditioning }: Kind<Index, Models>,
  precision: ModulePrecision,
  { maxMemory, onNote }: LoadModelsOptions,
): Promise<Configs> {
  const configs = {
    dit: await placed(transformer, () => parseDitConfig(transformer.config)),
    tae: await placed(tae, () => configOf(tae.config)),
  };
  if (conditioning !== undefined && configs.dit.conditioning !== conditioning)
    throw new CheckpointError(
      `checkpoint: the transformer of an upsampler must have conditioning ${shown(conditioning)}, got ${shown(configs.dit.conditioning)}`,
    );
  const { outChannels } = configs.dit;
  const { latentChannels } = configs.tae;
  if (outChannels !== latentChannels)
    throw new CheckpointError(
      `checkpoint: the transformer's out_channels ${outChannels} and the TAE's latent_channels ${latentChannels} ` +
        'must be the same',
    );
  const { vision } = configs.dit.textDims;
  if (vision !== undefined && imageEncoder === undefined)
    throw new CheckpointError(
      'checkpoint: the transformer reads reference pictures (text_dims.vision), but model_index.json names no image_encoder',
    );
  const tower =
    imageEncoder && (await placed(imageEncoder, () => parseClipVisionConfig(imageEncoder.config)));
  if (tower) checkWidths(configs.dit.textDims, { vision: tower.hiddenSize });
  const changes = loraChanges(
    loras.map((lora) => ({ ...lora, onNote })),
    DiT.weightShapes(configs.dit),
  );
  if (maxMemory !== undefined) {
    const types = { ...precision, changes, linear: isLinearWeight };
    await placed(transformer, () => placeLayers(transformer.weights, configs.dit, types, maxMemory));
  }
  return configs;
}

/** Fills the device: the text encoders, the transformer, the TAE. Files are closed unless layers are streamed from them, or an image tower is. */
async function loadOpened<Index extends ReadIndex, Models>(
  device: Device,
  opened: OpenedCheckpoint<Index>,
  { make }: Kind<Index, Models>,
  configs: Configs,
  precisions: Precisions,
  { maxMemory, offload, signal, onProgress }: LoadModelsOptions,
): Promise<Models> {
  const { index, transformer, tae: autoencoder, encoders, imageEncoder, loras } = opened;
  const report = reporter(opened, onProgress);
  const optionsOf = (part: ModelPart, module: ModuleName) => ({
    ...precisions[module],
    signal,
    onProgress: (progress: Loaded) => report(part, progress),
  });
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(model: T): T => {
    owned.push(model);
    return model;
  };
  try {
    const text = own(
      await TextEncoders.load(device, encoders, {
        ...precisions.text,
        maxLength: index.maxLength,
        stripQuoted: index.stripQuoted,
        signal,
        around: (name, work) => placed(encoders[name]!, work),
        onProgress: (name, progress) => report(encoders[name]!, progress),
      }),
    );
    checkWidths(configs.dit.textDims, text.dims);
    const inHost = maxMemory !== undefined && (offload ?? (opened.remote ? 'host' : 'disk')) === 'host';
    const weights = inHost ? heldSource(transformer.weights) : transformer.weights;
    const dit = own(
      await placed(transformer, () =>
        loadDiT(device, weights, configs.dit, { ...optionsOf(transformer, 'dit'), loras, maxMemory }),
      ),
    );
    const tae = own(
      await placed(autoencoder, () =>
        TAE.load(device, autoencoder.weights, configs.tae, {
          ...optionsOf(autoencoder, 'tae'),
          ...autoencoderPrecision(autoencoder.config, precisions.tae),
        }),
      ),
    );
    const encodePictures =
      imageEncoder && (await imageTower(device, imageEncoder, precisions.text, 'tokens'));
    await opened.verify(signal);
    const reads = dit instanceof StreamedDiT || encodePictures !== undefined;
    if (!reads) await opened.close();
    return make({ index, text, dit, tae, encodePictures, close: () => reads && void opened.close() });
  } catch (error) {
    for (const model of owned) model.dispose();
    throw error;
  }
}

/** How much of one model has been loaded. */
interface Loaded {
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Tells how far the loading of all models is, when it is told how far one of them is. */
function reporter(
  { transformer, tae, encoders }: OpenedCheckpoint<unknown>,
  onProgress: LoadModelsOptions['onProgress'],
): (part: ModelPart, loaded: Loaded) => void | Promise<void> {
  const parts = [transformer, tae, ...Object.values(encoders).filter((part) => part !== undefined)];
  const totalBytes = parts.reduce((sum, { weights }) => sum + bytesOf(weights), 0);
  const began = performance.now();
  let before = 0; // bytes of the models that are complete
  return (part, { bytes, totalBytes: all }) => {
    const done = before + bytes;
    if (bytes === all) before += bytesOf(part.weights);
    const bytesPerSecond = (1000 * done) / (performance.now() - began);
    return onProgress?.({ phase: 'load', model: part.folder, bytes: done, totalBytes, bytesPerSecond });
  };
}

type Widths = Readonly<Partial<Record<TextSourceName, number>>>;

function checkWidths(wanted: Widths, given: Widths): void {
  for (const name of Object.keys(given) as TextSourceName[])
    if (wanted[name] !== given[name])
      throw new CheckpointError(
        `checkpoint: the transformer projects ${name} of width ${shown(wanted[name])}, but that encoder gives ${given[name]}`,
      );
}
