// The states of a prompt and of its negative prompt, as a text encoder gives them, and the file that keeps them: who generates
// with them needs no text encoder. Who computes them is a family's matter.

import { bytesToFloats } from '@moviegen/kernels';
import { Safetensors, type SourceLike, serialize } from '@moviegen/safetensors';
import { isObject, isShape } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';

/** States of one text. */
export interface TextStates {
  readonly text: string;
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [tokens: number, width: number];
}

/** States of a prompt and of its negative prompt. */
export interface PromptStates {
  readonly prompt: TextStates;
  readonly negativePrompt: TextStates;
}

/** Texts that a family's models may be given as states. */
export interface PromptStatesRule {
  /** Of the states. */
  readonly width: number;
  /** Whether they must be given: there is no text encoder. */
  readonly needed: boolean;
}

/** The bytes of a safetensors file: tensors `prompt` and `negative_prompt`, their texts in the metadata. */
export function promptStatesFile({ prompt, negativePrompt }: PromptStates): Uint8Array<ArrayBuffer> {
  const tensor = ({ shape, data }: TextStates) => ({ dtype: 'F32', shape, data }) as const;
  return serialize(
    { prompt: tensor(prompt), negative_prompt: tensor(negativePrompt) },
    { prompt: prompt.text, negative_prompt: negativePrompt.text },
  );
}

/**
 * Reads a file of prompt states, which `moviegen encode-text` or `promptStatesFile` made.
 * @param source bytes, a Blob or File, an http(s) address, any source of bytes
 * @throws InputError where it holds something else; SafetensorsError
 */
export async function readPromptStates(
  source: SourceLike,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<PromptStates> {
  const file = await Safetensors.open(source, options.signal ? { signal: options.signal } : {});
  try {
    const { metadata, label } = file;
    const states = async (name: string): Promise<TextStates> => {
      const text = metadata[name];
      if (!file.has(name) || text === undefined)
        throw new InputError(
          `prompt states: ${label} holds no tensor ${name} with its text in the metadata: moviegen encode-text writes such files`,
        );
      const values = bytesToFloats(await file.read(name, options), file.dtype(name));
      const one = { text, data: Float32Array.from(values), shape: file.shape(name) };
      checkStates(`prompt states: ${label}: ${name}`, one);
      return one;
    };
    return { prompt: await states('prompt'), negativePrompt: await states('negative_prompt') };
  } finally {
    await file.close();
  }
}

/** The states of a call by their texts. @throws InputError where they are not states of the width that the models read */
export function statesByText(
  given: PromptStates | readonly PromptStates[] | undefined,
  rule: PromptStatesRule | undefined,
): ReadonlyMap<string, TextStates> | undefined {
  if (given === undefined && !rule?.needed) return undefined;
  if (given === undefined)
    throw new InputError(
      'generate: this pipeline was loaded without its text encoder: give promptStates (moviegen encode-text makes them)',
    );
  if (rule === undefined)
    throw new InputError('generate: promptStates are for Wan; this model reads its prompts itself');
  const states = [given].flat().flatMap((one) => {
    const { prompt, negativePrompt } = isObject(one) ? one : ({} as Partial<PromptStates>);
    return [
      [prompt, 'prompt'],
      [negativePrompt, 'negativePrompt'],
    ] as const;
  });
  return new Map(
    states.map(([one, name]) => {
      checkStates(`generate: promptStates.${name}`, one);
      if (one.shape[1] !== rule.width)
        throw new InputError(
          `generate: promptStates have width ${one.shape[1]}, and this model reads width ${rule.width}: they are of another text encoder`,
        );
      return [one.text, one];
    }),
  );
}

/** @throws InputError where a text has no states */
export function checkHeld(
  states: ReadonlyMap<string, TextStates>,
  text: string,
  what: 'prompt' | 'negative prompt',
): void {
  if (states.has(text)) return;
  const held = [...states.keys()].map((one) => shown(one)).join(', ');
  throw new InputError(
    `generate: promptStates are not of the ${what} ${shown(text)}; they are of ${held}: give that text, or encode this one`,
  );
}

function checkStates(
  what: string,
  states: { readonly text?: unknown; readonly data?: unknown; readonly shape?: unknown } | undefined,
): asserts states is TextStates {
  const { text, data, shape } = isObject(states) ? states : ({} as Partial<TextStates>);
  const right = isShape(shape, 2) && shape[0]! > 0 && data instanceof Float32Array;
  if (typeof text !== 'string' || !right || data.length !== shape[0]! * shape[1]!)
    throw new InputError(
      `${what} must be { text, data: Float32Array, shape: [tokens, width] }, got ${shown(shape ?? states)}`,
    );
}
