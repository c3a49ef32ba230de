// Values of options, read strictly. Text that is not a number is refused here; a number that makes no sense is refused by the
// library.

import { InvalidArgumentError } from 'commander';
import type { LoraFile } from '../checkpoint/loras.ts';
import { type DTypePolicy, parsePolicy } from '../checkpoint/precision.ts';
import { InputError, shown } from '../errors.ts';

/** An integer in decimal digits. */
export function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError('It must be an integer.');
  return Number(text);
}

/** A number. */
export function number(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number.');
}

/** `768x432`: width, then height, as the value of a flag of a command. */
export const sizeOf =
  (flag: string) =>
  (text: string): [number, number] => {
    const [, width, height] = /^(\d+)x(\d+)$/i.exec(text) ?? [];
    if (width === undefined || height === undefined)
      throw new InputError(`${flag} must be WIDTHxHEIGHT in pixels, as 768x432, got ${shown(text)}`);
    return [Number(width), Number(height)];
  };

/** Two numbers, `0.1,0.9`. */
export function interval(text: string): [number, number] {
  const [start, end, ...more] = text.split(',');
  if (start === undefined || end === undefined || more.length > 0)
    throw new InvalidArgumentError('It must be two numbers, like 0.1,0.9.');
  return [number(start), number(end)];
}

/** A seed: an integer of up to 64 bits. */
export function seed(text: string): bigint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 64n)
    throw new InvalidArgumentError('It must be an integer from 0 to 2^64 - 1.');
  return BigInt(text);
}

/** The types of weights and activations, per model. */
export function policy(text: string): DTypePolicy {
  try {
    return parsePolicy(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** An amount of memory in bytes: `8GiB`, `500MB`, `1048576`. */
export function bytes(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?(k?B|[KMGT]i?B|)$/.exec(text) ?? [];
  const value = digits === undefined ? 0 : Math.floor(Number(digits) * UNITS[unit]!);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be an amount of memory, like 8GiB or 500MB.');
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

/** A length of time in seconds: `30s`, `10min`, `12h`, `7d`. */
export function duration(text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,6}(?:\.\d{1,3})?) ?(s|min|h|d)$/.exec(text) ?? [];
  const value = digits === undefined ? 0 : Number(digits) * SECONDS[unit]!;
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a length of time, like 30s, 10min, 12h or 7d.');
}

/** A LoRA, `FILE` or `FILE:WEIGHT`, appended to the LoRAs that were given before. */
export function lora(text: string, before: readonly LoraFile[] = []): LoraFile[] {
  const [, source, weight] = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+))$/.exec(text) ?? [];
  if (text === '') throw new InvalidArgumentError('It must be a file, or FILE:WEIGHT.');
  return [...before, source === undefined ? { source: text } : { source, weight: Number(weight) }];
}

/** The place of a tokenizer, or ENCODER=PLACE, beside those that were given before. */
export function tokenizer(
  text: string,
  before?: string | Readonly<Record<string, string>>,
): string | Record<string, string> {
  const [, encoder, place] = /^([a-z]\w*)=(.+)$/.exec(text) ?? [];
  if (text === '') throw new InvalidArgumentError('It must be a folder, or ENCODER=FOLDER.');
  if (encoder === undefined || place === undefined) {
    if (before !== undefined)
      throw new InvalidArgumentError('Where there are several, each must say whose it is: ENCODER=FOLDER.');
    return text;
  }
  if (typeof before === 'string')
    throw new InvalidArgumentError('Where there are several, each must say whose it is: ENCODER=FOLDER.');
  return { ...before, [encoder]: place };
}

/** A header, `NAME: VALUE`, beside those that were given before. What is wrong with it is not shown: it may be a secret. */
export function header(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):\s*(\S.*?)\s*$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InputError("header: expected 'NAME: VALUE', as 'Authorization: Bearer TOKEN'");
  return { ...before, [name]: value };
}

/** `1 frame`, `16 frames`. */
export const framesText = (count: number): string => `${count} frame${count === 1 ? '' : 's'}`;

/** A part of a file name, made of the words of a prompt. */
export function slugOf(prompt: string): string {
  const words = prompt
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-|-$/g, '');
  // File systems limit the bytes of a name, and a letter has up to four bytes.
  let [slug, bytes] = ['', 0];
  for (const letter of words) {
    bytes += Buffer.byteLength(letter);
    if (bytes > 80) break;
    slug += letter;
  }
  return slug.replace(/-$/, '') || 'video';
}
