// Reads values out of a parsed `config.json` and collects everything that is wrong with it into one error.

import type { Activation } from '@moviegen/kernels';
import { ConfigError } from '@moviegen/tensor';

/** Our name of each activation that transformers names. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['relu', 'relu'],
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu-tanh'],
  ['gelu_pytorch_tanh', 'gelu-tanh'],
  ['gelu_fast', 'gelu-tanh'],
  ['quick_gelu', 'quick-gelu'],
  ['silu', 'silu'],
  ['swish', 'silu'],
]);

/** A configuration's values by key; `finish` throws if any was wrong. */
export class ConfigReader {
  readonly #model: string;
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #problems: string[] = [];

  /** @throws ConfigError where `json` is not an object. */
  constructor(model: string, json: unknown) {
    this.#model = model;
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new ConfigError(`${model}: config must be an object, got ${JSON.stringify(json)}`);
    }
    this.#given = json as Readonly<Record<string, unknown>>;
  }

  /** Whether the key has a value. */
  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  /** The reader of the object at a key, or this reader where the key has none. */
  inside(key: string): ConfigReader {
    return this.has(key) ? new ConfigReader(this.#model, this.value(key)) : this;
  }

  /** Checks `model_type`, where there is one. @throws ConfigError at once: the rest of another model's config would be noise. */
  kind(...known: readonly string[]): void {
    for (const key of ['model_type', '_class_name']) {
      const value = this.value(key);
      if (value === undefined || (key === 'model_type' && known.includes(value as string))) continue;
      const got = `${key}: got ${JSON.stringify(value)}, expected ${known.join(' or ')}`;
      throw new ConfigError(`${this.#model}: config is wrong: ${got}; is this another model's config?`);
    }
  }

  /** Whether the config says that it is of this `model_type`. */
  is(model: string): boolean {
    return this.value('model_type') === model;
  }

  /** True or false. */
  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    this.wrong(key, value, 'true or false');
    return fallback;
  }

  /** An integer of at least `min`. */
  integer(key: string, fallback?: number, min = 1): number {
    const value = this.value(key) ?? fallback;
    if (Number.isInteger(value) && (value as number) >= min) return value as number;
    this.wrong(key, value, `an integer of at least ${min}`);
    return min;
  }

  /** A number above 0. */
  positive(key: string, fallback: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    this.wrong(key, value, 'a number above 0');
    return fallback;
  }

  /** A string. */
  text(key: string, fallback: string): string {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'string') return value;
    this.wrong(key, value, 'a text');
    return fallback;
  }

  /** A list of so many numbers. */
  numbers(key: string, fallback: readonly number[], count: number): readonly number[] {
    const value = this.value(key) ?? fallback;
    if (Array.isArray(value) && value.length === count && value.every(Number.isFinite)) return value;
    this.wrong(key, value, `${count} numbers`);
    return fallback;
  }

  /** Our name of an activation that transformers names. */
  activation(key: string, name: string): Activation {
    const found = ACTIVATIONS.get(name);
    if (found !== undefined) return found;
    this.wrong(key, this.value(key), `one of ${[...ACTIVATIONS.keys()].join(', ')}`);
    return 'relu';
  }

  /** Remembers something that is wrong, for `finish`. */
  wrong(key: string, got: unknown, expected: string): void {
    this.#problems.push(`${key}: got ${JSON.stringify(got)}, expected ${expected}`);
  }

  /** @throws ConfigError naming every key that is wrong, with what came and what was expected. */
  finish(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError(`${this.#model}: config is wrong:\n  ${this.#problems.join('\n  ')}`);
  }

  /** What the config holds at a key; undefined where that is nothing or null. */
  value(key: string): unknown {
    const value = Object.hasOwn(this.#given, key) ? this.#given[key] : undefined;
    return value === null ? undefined : value;
  }
}
