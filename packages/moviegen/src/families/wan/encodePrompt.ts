// A prompt and its negative prompt to the states that Wan's transformer reads, by the files of umT5 alone: a machine or a page
// that generates with them never holds the encoder.

import type { Device } from '@moviegen/tensor';
import { parseT5Config, Tokenizer } from '@moviegen/text';
import { openDevice } from '#platform';
import { checkOptions, checkText } from '../../arguments.ts';
import { openFiles, readJson } from '../../checkpoint/files.ts';
import { openModel, placed } from '../../checkpoint/modelFiles.ts';
import { type DTypePolicy, modulePrecisions } from '../../checkpoint/precision.ts';
import type { CheckpointFiles, FilesOptions } from '../../checkpointFiles.ts';
import { CheckpointError, InputError, shown } from '../../errors.ts';
import type { LoadProgress } from '../../generate/progress.ts';
import type { PromptStates, TextStates } from '../../generate/promptStates.ts';
import { WAN_PIPELINES } from './modelIndex.ts';
import { type HostStates, PromptEncoder } from './promptStates.ts';

/** Options of {@link encodePrompt}. */
export interface EncodePromptOptions extends FilesOptions {
  /** Default: the empty text. */
  readonly negativePrompt?: string;
  /** The device; the caller keeps it. Default: a new one, which is destroyed at the end. */
  readonly device?: Device;
  /** Type of weights and activations; sums are in f32 always. Default f32. */
  readonly dtype?: DTypePolicy;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * The states of a prompt, for `generate(prompt, { promptStates })`. One layer of the encoder is in memory at a time.
 *
 * ```ts
 * const states = await encodePrompt('Wan-AI/Wan2.1-T2V-1.3B-Diffusers', 'a cat', { negativePrompt: WAN_NEGATIVE_PROMPT });
 * await writeFile('prompt.safetensors', promptStatesFile(states));
 * ```
 * @param source a Wan checkpoint, or the folder of its text encoder with the tokenizer in it or beside it
 * @returns the states; with notes where a text is longer than what is read
 * @throws InputError, CheckpointError, SafetensorsError; the signal's reason within a layer
 */
export async function encodePrompt(
  source: string | URL | CheckpointFiles,
  prompt: string,
  options: EncodePromptOptions = {},
): Promise<PromptStates & { readonly notes?: readonly string[] }> {
  checkOptions('encodePrompt', options);
  const { negativePrompt = '', dtype = 'f32', onProgress, signal } = options;
  checkText('encodePrompt: the prompt', prompt);
  if (prompt.trim() === '') throw new InputError('encodePrompt: the prompt is empty');
  checkText('encodePrompt: negativePrompt', negativePrompt);
  signal?.throwIfAborted();
  const folder = await encoderFolder(source, options);
  const files = await openModel(source, { ...options, folder });
  let device = options.device;
  try {
    const config = await placed(files, () => parseT5Config(files.config));
    if (!config.biasPerLayer)
      throw new CheckpointError(`checkpoint: ${files.path} is not an umT5, whose states Wan reads`);
    if (files.tokenizer === undefined)
      throw new CheckpointError(
        `checkpoint: ${files.path} has no tokenizer.json in it, nor in the folder tokenizer beside it`,
      );
    device ??= await openDevice();
    const tokenizer = new Tokenizer(files.tokenizer, files.tokenizerConfig ?? {});
    const { text } = modulePrecisions(dtype, device);
    const encoder = new PromptEncoder(device, files.weights, config, tokenizer, text);
    const [states, negative] = await placed(files, () =>
      encoder.encode([prompt, negativePrompt], signal, (progress) =>
        onProgress?.({ phase: 'load', model: folder || 'text_encoder', ...progress }),
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

/** Where the encoder is below a source. @throws CheckpointError where that is another family's checkpoint */
async function encoderFolder(
  source: string | URL | CheckpointFiles,
  options: EncodePromptOptions,
): Promise<string> {
  const files = openFiles(source, options);
  await files.check?.(options.signal);
  const index = await readJson(files, '', 'model_index.json', options.signal);
  if (index === undefined) return '';
  const name = (index as { _class_name?: unknown } | null)?._class_name;
  if ((WAN_PIPELINES as readonly unknown[]).includes(name)) return 'text_encoder';
  throw new CheckpointError(
    `checkpoint: ${files.label} is a ${shown(name)}: prompt states are of Wan: ${WAN_PIPELINES.join(' or ')}`,
  );
}
