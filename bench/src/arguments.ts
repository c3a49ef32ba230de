// What the bench's commands share: how their options are read, and a progress line on terminals.
import { InvalidArgumentError } from 'commander';

/** Reads an integer from `least`. */
export const atLeast =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`expected an integer from ${least}`);
    return value;
  };

/** Reads a regular expression. */
export const expression = (text: string): RegExp => {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError('expected a regular expression');
  }
};

/** Reads a floating-point type. */
export const floatType = (text: string): 'f32' | 'f16' => {
  if (text !== 'f32' && text !== 'f16') throw new InvalidArgumentError('expected f32 or f16');
  return text;
};

/** Shows what is being done, on one line of a terminal; an empty text clears it. */
export function progressLine(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`);
}
