// Prompts from text files and from standard input, as editors and shells save them: UTF-8 or UTF-16, with a mark or without.
// What is not text is refused, never read as other letters.

import { readFile } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { InputError } from '../errors.ts';

/**
 * The prompts of a text file, one per line.
 * @param command the command's name, for messages
 * @param file a path, or `-` for standard input
 * @throws InputError where it cannot be read, is not text or holds no prompt; the signal's reason where aborted.
 */
export async function readPrompts(command: string, file: string, signal: AbortSignal): Promise<string[]> {
  const lines = (await readPromptText(command, file, signal)).split(/\r\n|\n|\r/);
  // Files that were joined have a mark in the middle, too.
  const prompts = lines.map((line) => line.replace(/^\uFEFF+/, '')).filter((line) => line.trim() !== '');
  if (prompts.length === 0) throw new InputError(`${command}: ${nameOf(file)} holds no prompt`);
  return prompts;
}

/** The text of such a file as a whole. @throws as readPrompts */
export async function readPromptText(command: string, file: string, signal: AbortSignal): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = file === '-' ? await buffer(addAbortSignal(signal, process.stdin)) : await readFile(file);
  } catch (cause) {
    signal.throwIfAborted();
    throw new InputError(`${command}: cannot read --prompts ${file}: ${(cause as Error).message}`, { cause });
  }
  return textOf(bytes, `${command}: ${nameOf(file)}`);
}

const nameOf = (file: string): string => `--prompts ${file === '-' ? 'of standard input' : file}`;

/** A prompt of the command line. @throws InputError where the terminal sent other bytes than UTF-8. */
export function checkWords(command: string, text: string): void {
  if (text.includes('\uFFFD'))
    throw new InputError(
      `${command}: the prompt holds U+FFFD, which stands for bytes that are not UTF-8: set the terminal to UTF-8`,
    );
}

/** The text in a file, by its mark, else UTF-8. */
function textOf(bytes: Uint8Array, name: string): string {
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  const text = decoded(bytes, encoding);
  if (text === undefined && encoding !== 'utf-8')
    throw new InputError(`${name}: its mark says ${encoding.toUpperCase()}, but it is not: save it as UTF-8`);
  if (text === undefined)
    throw new InputError(`${name}: line ${wrongLine(bytes)} is not UTF-8: save the file as UTF-8`);
  const zero = text.indexOf('\0');
  if (zero < 0) return text;
  const line = text.slice(0, zero).split('\n').length;
  throw new InputError(
    `${name}: line ${line} holds a zero byte, so it is UTF-16 without a mark, or not text: save the file as UTF-8`,
  );
}

function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first line, from 1, that is not UTF-8. No byte of a longer UTF-8 sequence looks like the end of a line. */
function wrongLine(bytes: Uint8Array): number {
  for (let start = 0, line = 1; ; line++) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    if (found < 0 || decoded(bytes.subarray(start, end), 'utf-8') === undefined) return line;
    start = end + 1;
  }
}
