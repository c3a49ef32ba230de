// Values of options, read strictly: what is no number is refused here, what makes no sense as one, by the library.

import { InvalidArgumentError } from 'commander';
import { type DTypePolicy, parsePolicy } from '../precision.ts';

/** An integer, written as one. */
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

/** A seed: an integer of up to 64 bits. */
export function seed(text: string): bigint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 64n)
    throw new InvalidArgumentError('It must be an integer from 0 to 2^64 - 1.');
  return BigInt(text);
}

/** Types of the models. */
export function policy(text: string): DTypePolicy {
  try {
    return parsePolicy(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/** A part of a file name that says what the prompt was. */
export function slugOf(prompt: string): string {
  const words = prompt
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return words.slice(0, 80).replace(/-$/, '') || 'video';
}
