// Reads values out of a parsed `config.json` and collects everything that is wrong with it into one error.

import { ConfigError } from './configError.ts';

/** A configuration's values by key; `finish` throws if any was wrong. */
export class ConfigReader {
  /** Names the model in errors. */
  readonly model: string;
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #problems: string[] = [];

  /** @throws ConfigError where `json` is not an object. */
  constructor(model: string, json: unknown) {
    this.model = model;
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new ConfigError(`${model}: config must be an object, got ${JSON.stringify(json)}`);
    }
    this.#given = json as Readonly<Record<string, unknown>>;
  }

  /** A key's value, unchecked; undefined where it is absent or null. */
  value(key: string): unknown {
    const value = Object.hasOwn(this.#given, key) ? this.#given[key] : undefined;
    return value === null ? undefined : value;
  }

  /** Whether the key has a value. */
  has(key: string): boolean {
    return this.value(key) !== undefined;
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

  /** Refuses every value but one. */
  only(key: string, supported: unknown): void {
    const value = this.value(key) ?? supported;
    if (JSON.stringify(value) !== JSON.stringify(supported))
      this.wrong(key, value, `${JSON.stringify(supported)}; no other is supported`);
  }

  /** Remembers something that is wrong, for `finish`. */
  wrong(key: string, got: unknown, expected: string): void {
    this.problem(`${key}: got ${JSON.stringify(got)}, expected ${expected}`);
  }

  /** Remembers what is wrong with several keys together, in one line. */
  problem(line: string): void {
    this.#problems.push(line);
  }

  /** @throws ConfigError naming every key that is wrong, with what came and what was expected. */
  finish(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError(`${this.model}: config is wrong:\n  ${this.#problems.join('\n  ')}`);
  }
}
