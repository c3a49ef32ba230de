// Which variant of a kernel runs: the one named by a table that was measured on this adapter, otherwise the first in
// the kernels' own order. Mode `full` measures once what the table lacks, and keeps the result for the next run.
import type { DType, Kernel } from '@moviegen/kernels';

/** `off`: the kernels' own order. `cached`: also a table measured earlier. `full`: measure what it lacks. */
export const TUNE_MODES = ['off', 'cached', 'full'] as const;
/** Whether variants are measured, and whether earlier measurements count. */
export type TuneMode = (typeof TUNE_MODES)[number];

/** Variant by shape class. */
export type TuneTable = Readonly<Record<string, string>>;

/** Where measured tables are kept between runs: a file in Node, storage in browsers. */
export interface TuneStore {
  /** The table kept under a name; undefined where none can be read. */
  load(name: string): Promise<TuneTable | undefined>;
  /** Keeps a table. A table that cannot be kept is measured again next time. */
  save(name: string, table: TuneTable): Promise<void>;
}

/** A use of a kernel that has variants. */
export interface Choice {
  readonly op: string;
  readonly dtype: DType;
  /** The sizes that its speed depends on. Sizes between the same powers of two are one class. */
  readonly sizes: readonly number[];
  /** Variants that can serve it, best first by the kernels' own order. */
  readonly variants: readonly string[];
  readonly make: (variant: string) => Kernel;
}

/** Milliseconds of one run of a kernel on operands of these bytes. Far above `best` they may be rough. */
export type Measure = (kernel: Kernel, bytes: readonly number[], best: number) => Promise<number>;

/** Milliseconds after which no further variant of a class is tried: they come best first. */
const CLASS_MS = 2000;

/** Chooses variants for one device. */
export class Tuner {
  readonly mode: TuneMode;
  readonly #save: (table: TuneTable) => Promise<void> | undefined;
  /** Variant by class, as the next device will choose. */
  readonly #known = new Map<string, string>();
  /**
   * Variant by class, as this device chooses; '' is the kernels' own order. A class that has run keeps its variant, so
   * that equal inputs meet equal kernels.
   */
  readonly #held = new Map<string, string>();
  /** Uses to be measured. */
  readonly #noted = new Map<string, readonly [choice: Choice, bytes: readonly number[]]>();

  private constructor(mode: TuneMode, save: (table: TuneTable) => Promise<void> | undefined) {
    this.mode = mode;
    this.#save = save;
  }

  /** A tuner that keeps to the kernels' own order. */
  static off(): Tuner {
    return new Tuner('off', () => undefined);
  }

  /** @param adapter the adapter's full description: every adapter has its own table. */
  static async open(mode: TuneMode, adapter: string, store: TuneStore | undefined): Promise<Tuner> {
    const name = `${adapter} #2`; // the edition of our kernels: tables of earlier editions are not read
    const tuner = new Tuner(mode, (table) => store?.save(name, table));
    const table = mode === 'off' ? undefined : await store?.load(name);
    for (const [key, variant] of Object.entries(table ?? {})) tuner.#learn(key, variant);
    return tuner;
  }

  #learn(key: string, variant: string): void {
    this.#known.set(key, variant);
    if (!this.#held.has(key)) this.#held.set(key, variant);
  }

  /** The variant for this use. @param runs whether it runs now: its class then keeps its variant. */
  choose(choice: Choice, runs: boolean): string {
    const held = this.#held.get(classOf(choice)) ?? '';
    if (runs) this.#held.set(classOf(choice), held);
    return choice.variants.includes(held) ? held : choice.variants[0]!;
  }

  /** Notes a use whose variants were never measured; in mode `full` only. */
  note(choice: Choice, bytes: readonly number[]): void {
    if (this.mode !== 'full' || choice.variants.length < 2 || this.#known.has(classOf(choice))) return;
    this.#noted.set(classOf(choice), [choice, bytes]);
  }

  /** Measures the variants of the uses noted, and keeps the fastest of each. */
  async tune(measure: Measure): Promise<void> {
    const noted = [...this.#noted];
    this.#noted.clear();
    for (const [key, [choice, bytes]] of noted) this.#learn(key, await fastest(choice, bytes, measure));
    if (noted.length > 0) await this.#save(Object.fromEntries(this.#known));
  }
}

/** The shape class of a use. */
const classOf = ({ op, dtype, sizes }: Choice): string =>
  `${op} ${dtype} ${sizes.map((size) => Math.ceil(Math.log2(Math.max(1, size)))).join(' ')}`;

/** The fastest of the variants that can be measured in time. A variant that the adapter refuses does not count. */
async function fastest(choice: Choice, bytes: readonly number[], measure: Measure): Promise<string> {
  let [best, least] = [choice.variants[0]!, Number.POSITIVE_INFINITY];
  const until = performance.now() + CLASS_MS;
  for (const variant of choice.variants) {
    const ms = await measure(choice.make(variant), bytes, least).catch(() => Number.POSITIVE_INFINITY);
    if (ms < least) [best, least] = [variant, ms];
    if (least < Number.POSITIVE_INFINITY && performance.now() > until) break;
  }
  return best;
}
