// The report of a run of the bench, as JSON. `--compare` reads it again, and the page shows it.
import type { AdapterInfo } from '@moviegen/tensor';
import type { Ceilings } from '@moviegen/tensor/checks';
import type { Result } from './measure.ts';
import type { ModelResult } from './models.ts';

/** A run. */
export interface Report {
  readonly adapter: AdapterInfo;
  /** Absent if they were not measured. */
  readonly ceilings?: Ceilings;
  readonly date: string;
  /** The command that started the bench. */
  readonly command: string;
  /** Where it ran, as far as is known. */
  readonly machine?: { readonly cores: number; readonly load: readonly number[]; readonly driver?: string };
  readonly results: readonly Result[];
  readonly models: readonly ModelResult[];
  /** Messages of cases whose results were wrong, or that failed. */
  readonly wrong: readonly string[];
  /** What this adapter cannot run, and why. */
  readonly leftOut: readonly string[];
}

/** The adapter's name in one line. */
export const adapterName = ({ vendor, architecture, device, description }: AdapterInfo): string =>
  [vendor, architecture, device, description].filter((part) => part !== '').join(' ');

/** Equal for rows of two runs that compute the same. */
export const keyOf = ({ op, name, dtype }: Pick<Result, 'op' | 'name' | 'dtype'>): string =>
  `${op} ${name} ${dtype}`;
