// Tables of variants in a browser: local storage, which workers lack; there a table lasts as long as the page.
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

/** The table that a text holds; undefined where it holds none. */
export function parseTable(text: string | null | undefined): TuneTable | undefined {
  const value: unknown = attempt(() => JSON.parse(text ?? 'null'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value).filter(([, variant]) => typeof variant === 'string'));
}

/** What `fn` gives; undefined where it throws, as storage does that is missing, forbidden or full. */
function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
