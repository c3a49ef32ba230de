// Tables of variants in a browser: local storage, which workers lack; there a table lasts as long as the page.
import type { TuneStore, TuneTable } from './tuner.ts';

const memory = new Map<string, string>();

/** A table from its text; undefined where it is none. */
export function parseTable(text: string | undefined | null): TuneTable | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string',
    );
    return Object.fromEntries(entries);
  } catch {
    return undefined;
  }
}

/** The browser's store. */
export const browserStore: TuneStore = {
  async load(name) {
    return parseTable(storage()?.getItem(keyOf(name)) ?? memory.get(name));
  },
  async save(name, table) {
    const text = JSON.stringify(table);
    memory.set(name, text);
    try {
      storage()?.setItem(keyOf(name), text);
    } catch {
      // no room: measured again next time
    }
  },
};

const keyOf = (name: string): string => `moviegen tuning ${name}`;

/** Reading the property throws where a page may store nothing. */
function storage(): Storage | undefined {
  try {
    return (globalThis as { readonly localStorage?: Storage }).localStorage;
  } catch {
    return undefined;
  }
}
