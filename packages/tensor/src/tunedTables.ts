// Tables of variants that we measured and ship, by a part of the adapter's name in small letters. Only what
// differs from the kernels' own order needs a line; `MOVIEGEN_TUNE=full` measures the rest on the user's adapter.
import type { TuneTable } from './tuner.ts';

/** Variant by shape class (tuner.ts), by adapter. */
export const shippedTables: Readonly<Record<string, TuneTable>> = {};
