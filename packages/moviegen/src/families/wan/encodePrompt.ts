// A prompt and its negative prompt to the states that Wan's transformer reads, by the files of umT5 alone: a machine or a page
// that generates with them never holds the encoder.

import type { Device } from '@moviegen/tensor';
import { openDevice } from '#platform';
import { checkOptions, checkText, type Known } from '../../arguments.ts';
import { verified } from '../../checkpoint/checksums.ts';
import { openFiles, readJson } from '../../checkpoint/files.ts';
import { placed } from '../../checkpoint/modelFiles.ts';
import { type DTypePolicy, modulePrecisions } from '../../checkpoint/precision.ts';
import { fileOf } from '../../checkpoint/singleFile.ts';
import {
  noTokenizer,
  readTokenizer,
  readTokenizerAt,
  tokenizerBeside,
} from '../../checkpoint/tokenizerFiles.ts';
import { type CheckpointFiles, FILES_OPTIONS, type FilesOptions, type Place } from '../../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../../errors.ts';
import { isPartPlaces, NO_FILES, type PartPlaces } from '../../generate/family.ts';
import type { LoadProgress } from '../../generate/progress.ts';
import type { PromptStates, TextStates } from '../../generate/promptStates.ts';
import { isOriginal, layoutOf } from './layout.ts';
import { WAN_PIPELINES } from './modelIndex.ts';
import { type WanTextEncoder, withTokenizer } from './open.ts';
import { openTextEncoder, type PartPlace } from './parts.ts';
import { type HostStates, PromptEncoder } from './promptStates.ts';

/** Options of {@link encodePrompt}. */
export interface EncodePromptOptions extends FilesOptions {
  /** The encoder in place of the checkpoint's own: a folder, or a single file, safetensors or GGUF. */
  readonly parts?: Pick<PartPlaces, 'textEncoder'>;
  /** The tokenizer's folder, where it is neither in the encoder's nor beside it. */
  readonly tokenizer?: Place;
  /** Default: the empty text. */
  readonly negativePrompt?: string;
  /** The device; the caller keeps it. Default: a new one, which is destroyed at the end. */
  readonly device?: Device;
  /** Type of weights and activations; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

const OPTIONS: Known<EncodePromptOptions> = {
  ...{ parts: true, tokenizer: true, negativePrompt: true, device: true, dtype: true },
  ...{ onProgress: true, signal: true },
  ...FILES_OPTIONS,
};

/**
 * The states of a prompt, for `generate(prompt, { promptStates })`. One layer of the encoder is in memory at a time.
 *
 * ```ts
 * const states = await encodePrompt('Wan-AI/Wan2.1-T2V-1.3B-Diffusers', 'a cat', { negativePrompt: WAN_NEGATIVE_PROMPT });
 * await writeFile('prompt.safetensors', promptStatesFile(states));
 * ```
 * @param source a Wan checkpoint of any layout; the folder of its text encoder, with the tokenizer in it or beside it; or a single
 *   file (also as `{ textEncoder }`), with the option `tokenizer`
 * @returns the states; with notes where a text is longer than what is read
 * @throws InputError, CheckpointError, SafetensorsError; the signal's reason within a layer
 */
export async function encodePrompt(
  source: Place | PartPlaces,
  prompt: string,
  options: EncodePromptOptions = {},
): Promise<PromptStates & { readonly notes?: readonly string[] }> {
  checkOptions('encodePrompt', options, OPTIONS);
  const { negativePrompt = '', dtype = 'f32', onProgress, signal } = options;
  checkText('encodePrompt: the prompt', prompt);
  if (prompt.trim() === '') throw new InputError('encodePrompt: the prompt is empty');
  checkText('encodePrompt: negativePrompt', negativePrompt);
  signal?.throwIfAborted();
  const files = await openEncoder(source, options);
  let device = options.device;
  try {
    const { config, weights, tokens } = files;
    device ??= await openDevice();
    const { text } = modulePrecisions(dtype, device);
    const encoder = new PromptEncoder(device, weights, config, tokens, text);
    const [states, negative] = await placed(files, () =>
      encoder.encode([prompt, negativePrompt], signal, (progress) =>
        onProgress?.({ phase: 'load', model: 'text_encoder', ...progress }),
      ),
    );
    await files.verify(signal);
    const notes = [
      ...encoder.notes('the prompt', prompt),
      ...encoder.notes('the negative prompt', negativePrompt),
    ];
    const kept = (name: string, { data, length, width }: HostStates): TextStates => ({
      text: name,
      data,
      shape: [length, width],
    });
    return {
      prompt: kept(prompt, states!),
      negativePrompt: kept(negativePrompt, negative!),
      ...(notes.length > 0 && { notes }),
    };
  } finally {
    await files.close();
    if (options.device === undefined) device?.destroy();
  }
}

/** An encoder, open, with its tokenizer. */
interface Encoder extends WanTextEncoder {
  verify(signal?: AbortSignal): Promise<void>;
}

/** Opens the encoder and its tokenizer, in whatever layout. @throws CheckpointError where it is another family's checkpoint */
async function openEncoder(
  source: Place | PartPlaces,
  { parts = {}, tokenizer: place, signal, ...http }: EncodePromptOptions,
): Promise<Encoder> {
  const alone = isPartPlaces(source) ? source.textEncoder : fileOf(source) ? source : parts.textEncoder;
  const checkpoint = isPartPlaces(source) || fileOf(source) ? undefined : openFiles(source, http);
  await checkpoint?.check?.(signal);
  const files = checkpoint && (await verified(checkpoint, signal));
  const where = files && (await encoderIn(files, alone !== undefined, signal));
  if (alone === undefined && where === undefined)
    throw new CheckpointError('checkpoint: of single files, these are not given: textEncoder');
  if (where === undefined && place === undefined) throw noTokenizer();
  const beside = where?.tokenizer === '' ? tokenizerBeside(source as Place) : undefined;
  const own = where && files && (await readTokenizer(files, where.tokenizer, signal)).tokenizer !== undefined;
  const at = place ?? (own ? undefined : beside);
  const tokens = await readTokenizerAt(files ?? NO_FILES, where?.tokenizer ?? '', at, http, signal);
  const part = alone === undefined ? where!.at : { place: alone };
  const encoder = await openTextEncoder('text_encoder', part, http, signal);
  try {
    return { ...withTokenizer(encoder, tokens), verify: async (stop) => files?.verify(stop) };
  } catch (error) {
    await encoder.close();
    throw error;
  }
}

/** Where a folder has the encoder, and its tokenizer: a checkpoint, or the encoder's own. @throws CheckpointError */
async function encoderIn(
  files: CheckpointFiles,
  elsewhere: boolean,
  signal: AbortSignal | undefined,
): Promise<{ readonly at: PartPlace; readonly tokenizer: string }> {
  const index = await readJson(files, '', 'model_index.json', signal);
  const name = (index as { _class_name?: unknown } | null | undefined)?._class_name;
  if ((WAN_PIPELINES as readonly unknown[]).includes(name))
    return { at: { files, folder: 'text_encoder' }, tokenizer: 'text_encoder' };
  if (index !== undefined)
    throw new CheckpointError(
      `checkpoint: ${files.label} is a ${shown(name)}: prompt states are of Wan: ${WAN_PIPELINES.join(' or ')}`,
    );
  if (!(await isOriginal(files, signal))) return { at: { files, folder: '' }, tokenizer: '' };
  const { textEncoder, tokenizer } = await layoutOf(files, {}, !elsewhere, signal);
  return { at: textEncoder ?? { files, folder: '' }, tokenizer };
}
