// A public image tower alone, as its own library saves it: transformers' CLIPVisionModel, with or without projection, or the
// image half of a CLIPModel, with the preparation of pictures that its folder describes.

import { type Device, orAborted, Tensor } from '@moviegen/tensor';
import { type ClipVisionFeatures, ClipVisionModel, parseClipVisionConfig } from '@moviegen/text';
import { openDevice } from '#platform';
import { checkOptions, type Known } from './arguments.ts';
import { type FilesOptions, openFiles } from './checkpoint/files.ts';
import { bytesOf, openModel, placed } from './checkpoint/modelFiles.ts';
import { type DTypePolicy, modulePrecisions } from './checkpoint/precision.ts';
import { type CheckpointFiles, FILES_OPTIONS } from './checkpointFiles.ts';
import { InputError } from './errors.ts';
import type { LoadProgress } from './generate/progress.ts';
import {
  checkPrepared,
  type ImageProcessor,
  parseImageProcessor,
  processFrames,
  readImageProcessor,
} from './imageProcessor.ts';
import { type FrameSource, type Frames, framesBetween, piecesOf } from './video/frames.ts';

/** Pictures that go through the tower together. */
const BATCH = 8;

/** Options of `ImageModel.fromPretrained`. */
export interface ImageModelOptions extends FilesOptions {
  /** The device; the caller keeps it. Default: a new one, which `dispose` destroys. */
  readonly device?: Device;
  /** Type of weights and activations, as of a text encoder; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  /** The model's folder below the source: `image_encoder`. */
  readonly folder?: string;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

const LOADING: Known<ImageModelOptions> = {
  ...{ device: true, dtype: true, folder: true, onProgress: true, signal: true },
  ...FILES_OPTIONS,
};

/**
 * A CLIP image tower with its preparation of pictures.
 *
 * ```ts
 * const image = await ImageModel.fromPretrained('clip-vit-base-patch32');
 * const { pooled } = image.encode(frames);                 // [T, width]
 * const [first] = await image.embed(frames);               // of length 1; see clipSimilarity
 * ```
 */
export class ImageModel {
  readonly device: Device;
  /** The tower itself, which takes pixels. */
  readonly model: ClipVisionModel;
  readonly #processor: ImageProcessor;
  readonly #path: string;
  readonly #ownsDevice: boolean;

  private constructor(model: ClipVisionModel, processor: ImageProcessor, path: string, ownsDevice: boolean) {
    this.device = model.device;
    this.model = model;
    this.#processor = processor;
    this.#path = path;
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Loads a tower by its `config.json` and, where there is one, its `preprocessor_config.json`; without it, pictures are
   * prepared as CLIP's are.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: ImageModelOptions = {},
  ): Promise<ImageModel> {
    checkOptions('fromPretrained', options, LOADING);
    const { dtype = 'f32', folder = '', signal, onProgress } = options;
    signal?.throwIfAborted();
    const files = await openModel(source, { ...options, folder, signal });
    const ownsDevice = options.device === undefined;
    let device = options.device;
    try {
      const config = await placed(files, () => parseClipVisionConfig(files.config));
      const json = await readImageProcessor(openFiles(source, options), folder, signal);
      const processor = await placed(files, () => parseImageProcessor(json, config.imageSize));
      checkPrepared(processor, config.imageSize, files.path);
      device ??= await openDevice();
      const { text } = modulePrecisions(dtype, device);
      const [began, totalBytes] = [performance.now(), bytesOf(files.weights)];
      const model = await placed(files, () =>
        ClipVisionModel.load(device!, files.weights, config, {
          ...text,
          signal,
          onProgress: ({ bytes }) => {
            const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
            onProgress?.({ phase: 'load', model: folder || 'image', bytes, totalBytes, bytesPerSecond });
          },
        }),
      );
      await files.verify(signal);
      return new ImageModel(model, processor, files.path, ownsDevice);
    } catch (error) {
      if (ownsDevice) device?.destroy();
      throw error;
    } finally {
      await files.close();
    }
  }

  /**
   * What other models read of pictures.
   * @param frames [T, H, W, 3], of any size: they are resized and cropped as the folder says; all go through at once
   * @returns states of T pictures; the caller owns them
   * @throws InputError where there is no frame
   */
  encode(frames: Frames): ClipVisionFeatures {
    if (frames.shape[0] === 0) throw new InputError('image: there is no frame');
    const { data, shape } = processFrames(this.#processor, frames);
    const pixels = Tensor.from(this.device, data, shape);
    try {
      return this.model.features(pixels);
    } finally {
      pixels.dispose();
    }
  }

  /**
   * Each picture's place in the space that CLIP's two towers share, as a vector of length 1; `clipSimilarity` compares them.
   * @param frames as a whole or in pieces, which are asked for as they are needed
   * @throws InputError where the checkpoint has no projection; the signal's reason where aborted
   */
  async embed(
    frames: FrameSource,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    const embeddings: Float32Array[] = [];
    for await (const piece of piecesOf(frames))
      for (let start = 0; start < piece.shape[0]; start += BATCH) {
        signal?.throwIfAborted();
        const end = Math.min(start + BATCH, piece.shape[0]);
        const { projected, ...rest } = this.encode(framesBetween(piece, start, end));
        for (const tensor of [rest.states, rest.penultimate, rest.pooled]) tensor.dispose();
        if (projected === undefined)
          throw new InputError(
            `image: ${this.#path} has no visual_projection.weight: give a CLIPModel or CLIPVisionModelWithProjection`,
          );
        try {
          embeddings.push(...unitRows(await orAborted(projected.read(), signal), end - start));
        } finally {
          projected.dispose();
        }
      }
    return embeddings;
  }

  /** Releases the weights, and the device where it was opened here. */
  dispose(): void {
    this.model.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }
}

/** Rows of numbers, each made as long as 1. */
export function unitRows(values: ArrayLike<number>, rows: number): Float32Array[] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const vector = Float32Array.from({ length: width }, (_, i) => values[row * width + i]!);
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  });
}

/**
 * CLIP similarity: the cosine of each picture's embedding (`ImageModel.embed`) with each text's (`TextModel.embed`), from -1
 * to 1.
 * @returns [pictures][texts]
 */
export function clipSimilarity(
  pictures: readonly Float32Array[],
  texts: readonly Float32Array[],
): number[][] {
  return pictures.map((picture) =>
    texts.map((text) => {
      if (text.length !== picture.length)
        throw new InputError(
          `clipSimilarity: a picture has ${picture.length} values and a text ${text.length}: take both towers of one model`,
        );
      return picture.reduce((sum, value, i) => sum + value * text[i]!, 0);
    }),
  );
}
