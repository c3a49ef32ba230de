// Single values of options: integers, seeds, names of a list. What they are for is in options.ts and upscale.ts.

import { InputError, shown } from '../errors.ts';

/** A seed as an integer. @throws InputError if it is not an integer, or out of range. */
export function seedOf(seed: number | bigint): bigint {
  const whole = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  if (whole && seed >= 0 && BigInt(seed) < 2n ** 64n) return BigInt(seed);
  throw new InputError(`generate: seed must be an integer from 0 to 2^64 - 1, got ${shown(seed)}`);
}

/** @throws InputError where a value is not an integer of at least `least` */
export function integer(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InputError(`generate: ${name} must be an integer of at least ${least}, got ${shown(value)}`);
}

/** @throws InputError where a name is not a known one */
export function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw new InputError(`generate: unknown ${name} ${shown(value)}, expected one of ${known.join(', ')}`);
}
