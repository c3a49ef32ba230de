// Progress of phases on stderr: bars on a terminal, plain lines elsewhere, or nothing. It knows no model: what the phases
// of a generation are called is in samplingBars.ts.

import { type Options, SingleBar } from 'cli-progress';

/** How progress is shown. */
export type BarMode = 'bars' | 'lines' | 'none';

/** What a phase counts. */
export interface Unit {
  /** The plural: `frames`. */
  readonly name: string;
  /** The singular, where units are done one after the other: `step` 3 of 50. */
  readonly each?: string;
  /** Writes a count as text. Default: the plain number. */
  readonly show?: (count: number) => string;
}

/** Shows phases that run one after the other. */
export class Bars {
  /** Seconds per phase; phases of the same name are added up. */
  readonly seconds: Record<string, number> = {};
  readonly #mode: BarMode;
  readonly #stream: NodeJS.WriteStream;
  #phase: RunningPhase | undefined;

  constructor(mode: BarMode, stream: NodeJS.WriteStream = process.stderr) {
    this.#mode = mode;
    this.#stream = stream;
  }

  /** The running phase. */
  get phase(): string | undefined {
    return this.#phase?.name;
  }

  /** Begins a phase and ends the phase before it. @param total undefined where it is not known. */
  begin(name: string, total?: number, unit?: Unit): void {
    this.end();
    const bar = this.#mode === 'bars' ? new SingleBar(barOptions(this.#stream)) : undefined;
    this.#phase = { name, total, unit, bar, began: performance.now(), done: 0, told: performance.now() };
    bar?.start(total ?? 1, 0, { phase: name.padEnd(8), line: this.#line(this.#phase) });
  }

  /** Shows how far a phase is that may come between others. It takes the line of one that has nothing to show yet. */
  show(name: string, done: number, total: number, unit: Unit): void {
    const phase = this.#phase;
    if (phase === undefined || (phase.name !== name && phase.done > 0)) this.begin(name, total, unit);
    else if (phase.name !== name) {
      this.#count(phase);
      Object.assign(phase, { name, unit, began: performance.now() });
      phase.bar?.update({ phase: name.padEnd(8) });
    }
    this.update(done, total);
  }

  /** Shows how far the running phase is. */
  update(done: number, total?: number): void {
    const phase = this.#phase;
    if (phase === undefined) return;
    phase.done = done;
    if (total !== undefined) phase.total = total;
    const { bar } = phase;
    if (bar !== undefined) {
      bar.setTotal(Math.max(phase.total ?? done + 1, 1));
      bar.update(done, { line: this.#line(phase) });
    } else if (this.#mode === 'lines' && performance.now() - phase.told > 5000) {
      phase.told = performance.now();
      this.#stream.write(`${phase.name}: ${this.#line(phase)}\n`);
    }
  }

  /** Ends the running phase. */
  end(): void {
    const phase = this.#phase;
    if (phase === undefined) return;
    this.#phase = undefined;
    const seconds = this.#count(phase);
    const { name, bar, unit, done } = phase;
    const count = unit === undefined ? '' : `${(unit.show ?? String)(done)} ${unit.name}, `;
    const line = `${count}${seconds.toFixed(1)} s`;
    if (bar !== undefined) {
      bar.setTotal(Math.max(done, 1));
      bar.update(Math.max(done, 1), { line });
      bar.stop();
    } else if (this.#mode === 'lines') this.#stream.write(`${name}: ${line}\n`);
  }

  /** Restores the terminal. The running phase is dropped and not counted. */
  stop(): void {
    this.#phase?.bar?.stop();
    this.#phase = undefined;
  }

  /** Adds a phase's time to that of its name. */
  #count({ name, began }: RunningPhase): number {
    const seconds = (performance.now() - began) / 1000;
    this.seconds[name] = (this.seconds[name] ?? 0) + seconds;
    return seconds;
  }

  #line({ began, done, total, unit }: RunningPhase): string {
    if (unit === undefined) return '';
    const show = unit.show ?? String;
    const counted = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
    const text = unit.each === undefined ? `${counted} ${unit.name}` : `${unit.each} ${counted}`;
    if (done === 0) return text;
    const rate = (1000 * done) / (performance.now() - began);
    const left = total === undefined ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
    const speed = unit.show === undefined ? rate.toFixed(1) : `${unit.show(rate)} ${unit.name}`;
    return `${text}, ${speed}/s${left}`;
  }
}

interface RunningPhase {
  readonly name: string;
  readonly unit: Unit | undefined;
  readonly bar: SingleBar | undefined;
  readonly began: number;
  total: number | undefined;
  done: number;
  /** When a line was last printed. */
  told: number;
}

const barOptions = (stream: NodeJS.WriteStream): Options => ({
  format: '{phase} {bar} {line}',
  barsize: 24,
  barCompleteChar: '█',
  barIncompleteChar: '░',
  stream,
  hideCursor: true,
  linewrap: false,
  gracefulExit: false, // main.ts handles signals
  emptyOnZero: true,
});
