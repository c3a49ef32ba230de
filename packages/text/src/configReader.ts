// The reader of a text model's `config.json`: @moviegen/tensor's, and what is transformers' own.

import type { Activation } from '@moviegen/kernels';
import { ConfigError, ConfigReader as Reader } from '@moviegen/tensor';

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

/** {@link Reader} that knows `model_type`, parts of a config, and activations. */
export class ConfigReader extends Reader {
  /** The reader of the object at a key, or this reader where the key has none. */
  inside(key: string): ConfigReader {
    return this.has(key) ? new ConfigReader(this.model, this.value(key)) : this;
  }

  /** Checks `model_type`, where there is one. @throws ConfigError at once: the rest of another model's config would be noise. */
  kind(...known: readonly string[]): void {
    for (const key of ['model_type', '_class_name']) {
      const value = this.value(key);
      if (value === undefined || (key === 'model_type' && known.includes(value as string))) continue;
      const got = `${key}: got ${JSON.stringify(value)}, expected ${known.join(' or ')}`;
      throw new ConfigError(`${this.model}: config is wrong: ${got}; is this another model's config?`);
    }
  }

  /** Whether the config says that it is of this `model_type`. */
  is(model: string): boolean {
    return this.value('model_type') === model;
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
}
