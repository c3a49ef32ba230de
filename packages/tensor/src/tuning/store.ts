// Tables of variants in a browser: local storage. Workers lack it; a table there lasts as long
// as the worker.
import type { TuneStore, TuneTable } from './tuner.ts';

const memory = new Map<string, string>();
const keyOf = (name: string): string => `moviegen tuning ${name}`;

/** The browser's store. */
export const browserStore: TuneStore = {
  async load(name) {
    return parseTable(attempt(() => localStorage.getItem(keyOf(name))) ?? memory.get(name));
  },
  async save(name, table) {
    const text = JSON.stringify(table);
    memory.set(name, text);
    attempt(() => localStorage.setItem(keyOf(name), text));
  },
};

/** The table in a text; undefined where the text does not hold one. */
export function parseTable(text: string | null | undefined): TuneTable | undefined {
  const value: unknown = attempt(() => JSON.parse(text ?? 'null'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value).filter(([, variant]) => typeof variant === 'string'));
}

/** The result of `fn`; undefined where it throws, as missing, forbidden and full storage does. */
function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
