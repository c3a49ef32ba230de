// Checks of what callers give to public functions: text, options, frames, latents. JavaScript lets anything through; here it is
// answered with one line that says what came and what to give. Not here: what values make sense (generate/options.ts).

import { InputError, shown } from './errors.ts';

/** All that options may have. */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/**
 * @param known anything else that is not undefined is refused: it would be ignored
 * @throws InputError where options are not an object, or the signal or a callback in it is not one
 */
export function checkOptions(op: string, options: unknown, known: Readonly<Record<string, true>>): void {
  if (!isObject(options)) throw new InputError(`${op}: options must be an object, got ${shown(options)}`);
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !Object.hasOwn(known, name))
      throw new InputError(
        `${op}: there is no option ${shown(name)}; its options are ${Object.keys(known).sort().join(', ')}`,
      );
  const { signal, onProgress } = options as { signal?: unknown; onProgress?: unknown };
  const aborts = isObject(signal) && typeof (signal as Partial<AbortSignal>).throwIfAborted === 'function';
  if (signal !== undefined && !aborts)
    throw new InputError(`${op}: signal must be an AbortSignal, got ${shown(signal)}`);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new InputError(`${op}: onProgress must be a function, got ${shown(onProgress)}`);
}

/** @throws InputError where a value is not text, or holds half of a letter of two UTF-16 units. */
export function checkText(what: string, text: unknown): asserts text is string {
  if (typeof text !== 'string') throw new InputError(`${what} must be text, got ${shown(text)}`);
  if (/\p{Surrogate}/u.test(text)) throw new InputError(`${what} holds half of a letter: ${shown(text)}`);
}

/** @throws InputError where a value is not an array of texts. */
export function checkTexts(what: string, texts: unknown): asserts texts is readonly string[] {
  if (!Array.isArray(texts)) throw new InputError(`${what} must be an array of texts, got ${shown(texts)}`);
  for (const [i, text] of texts.entries()) checkText(`${what} (number ${i + 1})`, text);
}

/** Whether a value is a shape of so many axes. */
export const isShape = (shape: unknown, axes: number): shape is readonly number[] =>
  Array.isArray(shape) &&
  shape.length === axes &&
  shape.every((size) => Number.isSafeInteger(size) && size >= 0);

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
