// What pipelines of the diffusers library (DeepFloyd IF, Wan and others) do to a prompt before its tokenizer sees it.

import { fixText } from './fixText.ts';
import { unescapeHtml } from './htmlEntities.ts';

/** White space as Python has it, `str.isspace`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are white space to Python.
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/**
 * A prompt as the text encoder should see it: full-width forms, curly quotes and ligatures in their usual form, NFC, without
 * control characters and terminal escapes; entities of HTML unescaped, twice; runs of white space as one space. Letters keep
 * their case. Equal to diffusers' `prompt_clean` with ftfy 6.3 but for mojibake, which stays.
 *
 * ```ts
 * cleanPrompt(' “Ａ cat”，Tom &amp;amp; Jerry ');   // "A cat",Tom & Jerry
 * ```
 */
export function cleanPrompt(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)))
    .replace(SPACES, ' ')
    .replace(/^ | $/g, '');
}
