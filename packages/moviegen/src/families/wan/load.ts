// Loads a Wan checkpoint: first a check of all configs against one another and the weights, then the first transformer and the
// autoencoder. The text encoder stays in its files, and so does an expert until it is asked.

import { type Device, fileBytes, type WeightSource } from '@moviegen/tensor';
import { loadWanTransformer, placeTransformerLayers, WanAutoencoder } from '@moviegen/wan';
import { heldSource } from '../../checkpoint/heldSource.ts';
import { placed } from '../../checkpoint/modelFiles.ts';
import { type ModulePrecision, modulePrecisions } from '../../checkpoint/precision.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { InputError, shown } from '../../errors.ts';
import type { LoadModelsOptions } from '../../generate/family.ts';
import { imageTower } from '../imageTower.ts';
import { defaultsOf } from './defaults.ts';
import { Experts } from './experts.ts';
import { geometryOf } from './geometry.ts';
import { WanModels } from './models.ts';
import { type OpenedWan, openWan } from './open.ts';
import { PromptEncoder } from './promptStates.ts';
import { samplingOf } from './sampling.ts';

/**
 * Opens all files of a checkpoint, then loads what stays in memory. The files stay open until the models are disposed of.
 * @throws CheckpointError, InputError, SafetensorsError; the signal's reason on abort. What was opened or loaded by then
 *   is released.
 */
export async function loadModels(
  device: Device,
  source: CheckpointFiles,
  options: LoadModelsOptions,
): Promise<WanModels> {
  const { maxMemory } = options;
  const precisions = modulePrecisions(options.dtype, device);
  if (maxMemory !== undefined && !(maxMemory > 0))
    throw new InputError(`checkpoint: maxMemory must be bytes above 0, got ${shown(maxMemory)}`);
  const opened = await openWan(source, options);
  const owned: { dispose(): void }[] = [];
  try {
    const { configs, switches } = opened;
    for (const [i, part] of opened.transformers.entries()) {
      const config = configs.transformers[i]!;
      const loras = opened.loras[i]!.map((lora) => ({ ...lora, onNote: options.onNote }));
      await placed(part, () =>
        placeTransformerLayers(part.weights, config, { ...precisions.dit, loras }, maxMemory),
      );
    }
    if (opened.transformers.length === 2 && options.loras?.length && options.loras2 === undefined)
      options.onNote?.(
        'lora: merged into the expert for high noise alone; loras2 (--lora-2) are for the one for low noise',
      );
    const config = configs.transformers[0]!;
    const defaults = defaultsOf(switches, config);
    const sampling = samplingOf(opened.scheduler, defaults.sampler);
    const report = reporter(opened, options.onProgress);
    const autoencoder = await placed(opened.vae, () =>
      WanAutoencoder.load(device, opened.vae.weights, configs.vae, {
        ...precisions.tae,
        signal: options.signal,
        onProgress: (progress) => report(opened.vae, progress),
      }),
    );
    owned.push(autoencoder);
    const inHost =
      maxMemory !== undefined && (options.offload ?? (opened.remote ? 'host' : 'disk')) === 'host';
    const sources = opened.transformers.map(({ weights }) => (inHost ? heldSource(weights) : weights));
    const experts = new Experts(device, (expert, signal) => {
      const part = opened.transformers[expert]!;
      return placed(part, () =>
        loadWanTransformer(device, sources[expert]!, configs.transformers[expert]!, {
          ...precisions.dit,
          loras: opened.loras[expert]!,
          maxMemory,
          signal,
          onProgress: (progress) => report(part, progress),
        }),
      );
    });
    owned.push(experts);
    await experts.get(0, options.signal);
    await opened.verify(options.signal);
    const { imageEncoder } = opened;
    return new WanModels({
      index: defaults,
      files: switches,
      config,
      dtype: precisions.dit.dtype,
      prompts: promptsOf(device, opened, precisions.text),
      experts,
      autoencoder,
      encodePictures:
        imageEncoder && (await imageTower(device, imageEncoder, precisions.text, 'penultimate')),
      geometry: geometryOf(config, configs.vae, autoencoder.factor),
      sampling,
      close: () => void opened.close(),
    });
  } catch (error) {
    for (const model of owned) model.dispose();
    await opened.close();
    throw error;
  }
}

/** The text encoder, unless it is left alone. */
function promptsOf(
  device: Device,
  { textEncoder }: OpenedWan,
  precision: ModulePrecision,
): PromptEncoder | undefined {
  if (textEncoder === undefined) return undefined;
  const { weights, config, tokens } = textEncoder;
  return new PromptEncoder(device, weights, config, tokens, precision);
}

/** Tells how far the loading of all models is, when it is told how far one of them is. */
function reporter(
  { transformers, vae }: OpenedWan,
  onProgress: LoadModelsOptions['onProgress'],
): (part: { readonly folder: string }, loaded: Loaded) => void | Promise<void> {
  const bytesOf = (source: WeightSource) =>
    source.names().reduce((sum, name) => sum + fileBytes(source, name), 0);
  const before = bytesOf(vae.weights);
  const totalBytes = before + bytesOf(transformers[0]!.weights);
  const began = performance.now();
  return ({ folder }, { bytes }) => {
    const done = folder === vae.folder ? bytes : before + bytes;
    const bytesPerSecond = (1000 * done) / (performance.now() - began);
    return onProgress?.({
      phase: 'load',
      model: folder,
      bytes: done,
      totalBytes: Math.max(totalBytes, done), // a second expert is as large, and comes in its place
      bytesPerSecond,
    });
  };
}

interface Loaded {
  readonly bytes: number;
}
