// Which variant of a kernel runs: that of a table for this adapter, else the one the kernels' own order puts
// first. Mode `full` measures, once, what the table lacks, and keeps the result for the next run. A choice
// holds for as long as the device does, so that equal inputs meet equal kernels.
import type { DType, Kernel } from '@moviegen/kernels';
import { shippedTables } from './tunedTables.ts';

/** `off`: the kernels' own order. `cached`: tables too, shipped or measured earlier. `full`: measure what they lack. */
export type TuneMode = 'off' | 'cached' | 'full';

/** Modes by name. */
export const TUNE_MODES: readonly TuneMode[] = ['off', 'cached', 'full'];

/** Variant by shape class. */
export type TuneTable = Readonly<Record<string, string>>;

/** Where measured tables are kept between runs: a file in Node, storage in browsers. */
export interface TuneStore {
  /** The table kept under a name; undefined where there is none, or none that can be read. */
  load(name: string): Promise<TuneTable | undefined>;
  /** Keeps a table. What cannot be kept is measured again next time. */
  save(name: string, table: TuneTable): Promise<void>;
}

/** A use of a kernel that has variants. */
export interface Choice {
  readonly op: string;
  readonly dtype: DType;
  /** What its speed depends on; sizes of one class lie between the same powers of two. */
  readonly sizes: readonly number[];
  /** Variants that can serve it, best first by the kernels' own order. */
  readonly variants: readonly string[];
  readonly make: (variant: string) => Kernel;
}

/**
 * A use of an op that one kernel can serve or several, each with variants of its own. Which, is chosen like a variant,
 * but before anything is dispatched: a recording cannot exchange it.
 */
export interface Route extends Omit<Choice, 'make'> {
  /** The kernels of a variant, and the bytes of their operands. */
  readonly steps: (variant: string) => readonly { choice: Choice; bytes: readonly number[] }[];
}

/**
 * Measures a kernel on operands of its own, of so many bytes each: milliseconds of one run. A kernel that is far behind
 * `best` at once need not be measured well.
 */
export type Measure = (kernel: Kernel, bytes: readonly number[], best: number) => Promise<number>;

/** Milliseconds after which no further variant of a class is tried: they come best first. */
const CLASS_MS = 2000;

/** Tables of kernels that have since changed are not read. */
const EDITION = 2;

/** The shape class of a use. */
export const classOf = ({ op, dtype, sizes }: Pick<Choice, 'op' | 'dtype' | 'sizes'>): string =>
  `${op} ${dtype} ${sizes.map((size) => Math.ceil(Math.log2(Math.max(1, size)))).join(' ')}`;

interface Noted {
  readonly variants: readonly string[];
  readonly time: (variant: string, measure: Measure, best: number) => Promise<number>;
}

/**
 * Of several variants the fastest of those that there is time for, and its milliseconds. One that the adapter refuses is
 * no candidate.
 */
async function fastest(
  variants: readonly string[],
  time: (variant: string, best: number) => Promise<number>,
): Promise<{ variant: string; ms: number }> {
  let best = { variant: variants[0]!, ms: Number.POSITIVE_INFINITY };
  const until = performance.now() + CLASS_MS;
  for (const variant of variants) {
    const ms = await time(variant, best.ms).catch(() => Number.POSITIVE_INFINITY);
    if (ms < best.ms) best = { variant, ms };
    if (best.ms < Number.POSITIVE_INFINITY && performance.now() > until) break;
  }
  return best;
}

/** Chooses variants for one device. */
export class Tuner {
  readonly mode: TuneMode;
  readonly #name: string;
  readonly #store: TuneStore | undefined;
  readonly #table: Map<string, string>;
  /** Classes that have been run: what is measured of them later holds from the next device on. */
  readonly #used = new Set<string>();
  readonly #measured = new Map<string, string>();
  /** Uses to be measured. */
  readonly #noted = new Map<string, Noted>();

  private constructor(
    mode: TuneMode,
    name: string,
    store: TuneStore | undefined,
    table: Map<string, string>,
  ) {
    this.mode = mode;
    this.#name = name;
    this.#store = store;
    this.#table = table;
  }

  /** @param adapter all that it says of itself: tables are an adapter's own. */
  static async open(mode: TuneMode, adapter: string, store: TuneStore | undefined): Promise<Tuner> {
    const name = `${adapter} #${EDITION}`;
    if (mode === 'off') return new Tuner(mode, name, undefined, new Map());
    const shipped = Object.entries(shippedTables).find(([part]) => adapter.toLowerCase().includes(part));
    const kept = await store?.load(name);
    return new Tuner(mode, name, store, new Map(Object.entries({ ...shipped?.[1], ...kept })));
  }

  /** The variant for this use. `runs`: it is run now, not only planned, so that its class stays as it is. */
  choose(choice: Omit<Choice, 'make'>, runs: boolean): string {
    const key = classOf(choice);
    if (runs) this.#used.add(key);
    const known = this.#table.get(key);
    return known !== undefined && choice.variants.includes(known) ? known : choice.variants[0]!;
  }

  /** Notes a use whose variants were never measured; in mode `full` only. */
  note(choice: Choice, bytes: readonly number[]): void {
    const { variants, make } = choice;
    const time: Noted['time'] = (variant, measure, best) => measure(make(variant), bytes, best);
    this.#note(classOf(choice), { variants, time });
  }

  /** The same of a route: the time of a variant is that of its kernels, each at its fastest. */
  noteRoute(route: Route): void {
    const time: Noted['time'] = async (variant, measure) => {
      let sum = 0;
      for (const { choice, bytes } of route.steps(variant))
        sum += (await fastest(choice.variants, (name, best) => measure(choice.make(name), bytes, best))).ms;
      return sum;
    };
    this.#note(classOf(route), { variants: route.variants, time });
  }

  #note(key: string, noted: Noted): void {
    if (this.mode !== 'full' || noted.variants.length < 2) return;
    if (this.#table.has(key) || this.#measured.has(key)) return;
    this.#noted.set(key, noted);
  }

  /**
   * Measures every variant of the uses noted, puts the fastest into the table, and keeps the table. What has been
   * run already stays as it was on this device.
   */
  async tune(measure: Measure): Promise<void> {
    const noted = [...this.#noted];
    this.#noted.clear();
    for (const [key, { variants, time }] of noted) {
      const { variant: best } = await fastest(variants, (variant, ms) => time(variant, measure, ms));
      this.#measured.set(key, best);
      if (!this.#used.has(key)) this.#table.set(key, best);
    }
    const all = { ...Object.fromEntries(this.#table), ...Object.fromEntries(this.#measured) };
    if (noted.length > 0) await this.#store?.save(this.#name, all);
  }
}
