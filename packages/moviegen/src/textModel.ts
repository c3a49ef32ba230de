// A public text encoder alone, as its own library saves it: transformers' T5EncoderModel (T5, v1.1, UL2, ByT5, umT5) or
// CLIPTextModel, with its tokenizer. The three encoders of a generation are in @moviegen/text.

import type { Device, PaddedStates } from '@moviegen/tensor';
import {
  byt5Ids,
  ClipTextModel,
  droppedNote,
  type LoadOptions,
  parseClipTextConfig,
  parseT5Config,
  T5Encoder,
  Tokenizer,
} from '@moviegen/text';
import { openDevice } from '#platform';
import { checkOptions, checkText, checkTexts, type Known } from './arguments.ts';
import type { FilesOptions } from './checkpoint/files.ts';
import { bytesOf, type ModelFiles, openModel, placed } from './checkpoint/modelFiles.ts';
import { type DTypePolicy, modulePrecisions } from './checkpoint/precision.ts';
import { type CheckpointFiles, FILES_OPTIONS } from './checkpointFiles.ts';
import { CheckpointError, InputError, shown } from './errors.ts';
import type { LoadProgress } from './generate/progress.ts';
import { unitRows } from './imageModel.ts';

/** Options of `TextModel.fromPretrained`. */
export interface TextModelOptions extends FilesOptions {
  /** The device; the caller keeps it. Default: a new one, which `dispose` destroys. */
  readonly device?: Device;
  /** Type of weights and activations; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  /** The model's folder below the source: `text_encoder`. */
  readonly folder?: string;
  /** The folder of its tokenizer. Default: the model's own, and of `text_encoder` the folder `tokenizer` beside it. */
  readonly tokenizer?: string | URL | CheckpointFiles;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

const LOADING: Known<TextModelOptions> = {
  ...{ device: true, dtype: true, folder: true, tokenizer: true, onProgress: true, signal: true },
  ...FILES_OPTIONS,
};

type Encode = (text: string, maxLength: number) => number[];

/** States of texts. */
export interface EncodedTexts extends PaddedStates {
  /** What a person should know of how the texts were read, a line each: tokens that were dropped. */
  readonly notes?: readonly string[];
}

/**
 * A text encoder and its tokenizer.
 *
 * ```ts
 * const byt5 = await TextModel.fromPretrained('byt5-small');
 * const { states, lengths } = byt5.encode(['HELLO', 'a longer text']);   // [2, L, width], and the tokens of each text
 * ```
 */
export class TextModel {
  readonly device: Device;
  /** The encoder itself, which takes token ids. */
  readonly model: T5Encoder | ClipTextModel;
  /** The most tokens of a text, which is cut there: the tokenizer's `model_max_length`, or the number of positions. */
  readonly maxLength: number;
  readonly #tokenize: Encode | undefined;
  readonly #path: string;
  readonly #ownsDevice: boolean;

  private constructor(
    model: T5Encoder | ClipTextModel,
    { path, tokenizerConfig }: ModelFiles,
    tokenize: Encode | undefined,
    ownsDevice: boolean,
  ) {
    this.device = model.device;
    this.model = model;
    this.#path = path;
    this.#tokenize = tokenize;
    this.#ownsDevice = ownsDevice;
    const positions = model instanceof ClipTextModel ? model.config.maxPositions : Number.POSITIVE_INFINITY;
    const said = entryOf(tokenizerConfig, 'model_max_length');
    this.maxLength = Math.min(positions, typeof said === 'number' ? said : Number.POSITIVE_INFINITY);
  }

  /**
   * Loads an encoder by its `config.json` and, where there is one, its `tokenizer.json`; ByT5's tokenizer is the bytes.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: TextModelOptions = {},
  ): Promise<TextModel> {
    checkOptions('fromPretrained', options, LOADING);
    const { dtype = 'f32', folder, signal, onProgress } = options;
    signal?.throwIfAborted();
    const files = await openModel(source, { ...options, folder, signal });
    const ownsDevice = options.device === undefined;
    let device = options.device;
    try {
      const load = loaderOf(files);
      const tokenize = await placed(files, () => tokenizerOf(files));
      device ??= await openDevice();
      const { text } = modulePrecisions(dtype, device);
      const [began, totalBytes] = [performance.now(), bytesOf(files.weights)];
      const model = await placed(files, () =>
        load(device!, {
          ...text,
          signal,
          onProgress: ({ bytes }) => {
            const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
            onProgress?.({ phase: 'load', model: folder ?? 'text', bytes, totalBytes, bytesPerSecond });
          },
        }),
      );
      await files.verify(signal);
      return new TextModel(model, files, tokenize, ownsDevice);
    } catch (error) {
      if (ownsDevice) device?.destroy();
      throw error;
    } finally {
      await files.close();
    }
  }

  /**
   * Token ids of a text, its start and end tokens included.
   * @param maxLength tokens at most: what is beyond is cut off
   * @throws InputError if the folder holds no tokenizer, or it is not a text.
   */
  tokenize(text: string, maxLength = this.maxLength): number[] {
    checkText('text: a text', text);
    if (!(maxLength === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxLength) && maxLength > 0)))
      throw new InputError(`text: maxLength must be an integer of at least 1, got ${shown(maxLength)}`);
    if (this.#tokenize) return this.#tokenize(text, maxLength);
    throw new InputError(`text: ${this.#path} holds no tokenizer.json: give token ids to model.forward`);
  }

  /**
   * The state of every token of each text. Padding in a batch is not attended to.
   * @returns states [B, L, width], and how many tokens of L each text has; the caller owns the states. With notes where a text
   *   was cut.
   * @throws InputError if the folder holds no tokenizer, or these are not texts.
   */
  encode(texts: readonly string[], maxLength = this.maxLength): EncodedTexts {
    checkTexts('text: texts', texts);
    if (texts.length === 0) throw new InputError('text: there is no text');
    const ids = texts.map((text) => this.tokenize(text, maxLength));
    const notes = texts.flatMap((text, i) => {
      const kept = ids[i]!.length;
      const whole = kept < maxLength ? kept : this.tokenize(text, Number.POSITIVE_INFINITY).length;
      return whole > kept ? [droppedNote(`text: number ${i + 1}`, this.#path, whole, kept)] : [];
    });
    return { ...this.model.forward(ids), ...(notes.length > 0 && { notes }) };
  }

  /**
   * Each text's place in the space that CLIP's two towers share, as a vector of length 1; `clipSimilarity` compares it with
   * pictures (`ImageModel.embed`).
   * @throws InputError where this is not a CLIP text tower with its projection, or these are not texts
   */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    checkTexts('text: texts', texts);
    if (!(this.model instanceof ClipTextModel))
      throw new InputError(`text: ${this.#path} is not a CLIP text tower, which alone has embeddings`);
    const { states, penultimate, pooled, projected } = this.model.features(
      texts.map((text) => this.tokenize(text)),
    );
    for (const tensor of [states, penultimate, pooled]) tensor.dispose();
    if (projected === undefined)
      throw new InputError(
        `text: ${this.#path} has no text_projection.weight: give a CLIPModel or CLIPTextModelWithProjection`,
      );
    try {
      return unitRows(await projected.read(), texts.length);
    } finally {
      projected.dispose();
    }
  }

  /** Releases the weights, and the device where it was opened here. */
  dispose(): void {
    this.model.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }
}

const entryOf = (json: unknown, key: string): unknown =>
  typeof json === 'object' && json !== null && Object.hasOwn(json, key)
    ? (json as Record<string, unknown>)[key]
    : undefined;

type Load = (device: Device, options: LoadOptions) => Promise<T5Encoder | ClipTextModel>;

/** Loads the kind of encoder that the config names. */
function loaderOf({ path, config, weights }: ModelFiles): Load {
  const kind = entryOf(config, 'model_type');
  if (kind === 't5' || kind === 'mt5' || kind === 'umt5')
    return (device, options) => T5Encoder.load(device, weights, parseT5Config(config), options);
  if (kind === 'clip' || kind === 'clip_text_model')
    return (device, options) =>
      ClipTextModel.load(device, weights, parseClipTextConfig(config), { ...options, projection: true });
  const got = kind === undefined ? 'none' : shown(kind);
  throw new CheckpointError(
    `checkpoint: ${path}/config.json: model_type: got ${got}, expected t5, mt5, umt5, clip or clip_text_model`,
  );
}

/** How texts become ids; undefined if the folder does not say. */
function tokenizerOf({ config, tokenizer, tokenizerConfig }: ModelFiles): Encode | undefined {
  const named = String(entryOf(tokenizerConfig, 'tokenizer_class') ?? entryOf(config, 'tokenizer_class'));
  if (named.startsWith('ByT5Tokenizer')) return byt5Ids;
  if (tokenizer === undefined) return undefined;
  const inner = new Tokenizer(tokenizer, tokenizerConfig);
  return (text, maxLength) => inner.encode(text, maxLength);
}
