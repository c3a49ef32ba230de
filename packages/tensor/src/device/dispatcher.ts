// Turns kernels and tensors into dispatches: at once, or into a recording while one is being made. Variants are chosen
// here.
import type { Kernel } from '@moviegen/kernels';
import type { BufferRange } from '../gpu/commands.ts';
import { type Engine, waitFor } from '../gpu/engine.ts';
import type { DeviceOptions } from '../gpu/options.ts';
import { RecordedSteps, Recording } from '../gpu/recording.ts';
import type { Choice, Tuner } from '../tuning/tuner.ts';
import { bind } from './bind.ts';
import { measureKernel } from './measure.ts';
import { type Operand, type OperandHome, operandsIn } from './operand.ts';

/** Dispatches and records for one device. */
export class Dispatcher {
  readonly #device: OperandHome & { readonly limits: GPUSupportedLimits };
  readonly #engine: Engine;
  readonly #tuner: Tuner;
  readonly #hear: Pick<DeviceOptions, 'onDispatch' | 'onChoice'>;
  #recordings = 0;

  /** @param device the home of all operands, and the limits to keep. */
  constructor(
    device: OperandHome & { readonly limits: GPUSupportedLimits },
    engine: Engine,
    tuner: Tuner,
    hear: Pick<DeviceOptions, 'onDispatch' | 'onChoice'>,
  ) {
    this.#device = device;
    this.#engine = engine;
    this.#tuner = tuner;
    this.#hear = hear;
  }

  /** Runs a kernel. @param choice the choice that the kernel was made for, if there was one. */
  run(kernel: Kernel, buffers: readonly Operand[], choice?: Choice): void {
    const { faults, commands, recording } = this.#engine;
    faults.throwIfLost();
    const bindings = bind(this.#device, kernel, buffers);
    if (kernel.workgroups === 0) return;
    this.#hear.onDispatch?.(kernel, distinctBytes(bindings));
    if (recording) {
      const storages = buffers.map((tensor) => tensor.storage(kernel.label));
      recording.dispatch(kernel, bindings, storages, choice);
    } else commands.dispatch(kernel, bindings);
  }

  /** Runs the variant that is the best known one. */
  runBest(choice: Choice, buffers: readonly Operand[]): void {
    this.#hear.onChoice?.(choice);
    // In mode `full` a recording may still exchange the kernel after variants are measured.
    const open = this.#engine.recording !== undefined && this.#tuner.mode === 'full';
    const kernel = choice.make(this.#tuner.choose(choice, !open));
    this.#tuner.note(
      choice,
      buffers.map(({ bytes }) => bytes),
    );
    this.run(kernel, buffers, choice);
  }

  /** In mode `full`, measures the variants that were not measured yet. */
  async tune(): Promise<void> {
    const engine = this.#engine;
    const sync = () => waitFor(engine);
    await this.#tuner.tune((kernel, bytes, best) => measureKernel(engine, sync, kernel, bytes, best));
  }

  /** Records the dispatches of `fn`. */
  record<T>(fn: () => T): Recording<T> {
    const { faults } = this.#engine;
    const { scopes } = this.#device;
    faults.throwIfLost();
    if (this.#engine.recording) throw new Error('record: a recording is being made already');
    const steps = this.#newSteps();
    const opened = scopes.open();
    this.#engine.recording = steps;
    let result: T;
    let own: readonly Operand[] = [];
    try {
      result = fn();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new Error('record: fn returned a promise: it must queue all its work at once');
      }
      // Tensors that existed before keep their owners.
      own = operandsIn(result).filter((tensor) => opened.has(tensor) || steps.owns(tensor.storage('record')));
      for (const tensor of own) scopes.detach(tensor);
      scopes.close(opened, []);
      steps.finish();
    } catch (error) {
      scopes.close(opened, []);
      for (const tensor of own) tensor.dispose();
      steps.destroy();
      throw error;
    } finally {
      this.#engine.recording = undefined;
    }
    const release = (): void => {
      for (const tensor of own) tensor.dispose();
    };
    return new Recording(result, steps, () => faults.throwIfLost(), release);
  }

  #newSteps(): RecordedSteps {
    const { gpu, pipelines, pool, commands, maxWorkgroups } = this.#engine;
    return new RecordedSteps({
      gpu,
      pipelines,
      pool,
      commands,
      maxWorkgroups,
      label: `recording ${this.#recordings++}`,
      tune: this.#tuner.mode === 'full' ? () => this.#tuned() : undefined,
    });
  }

  async #tuned(): Promise<(choice: Choice) => Kernel> {
    await this.tune();
    return (choice) => choice.make(this.#tuner.choose(choice, true));
  }
}

/** Bytes of all bindings together; a range that two of them share is counted once. */
function distinctBytes(bindings: readonly BufferRange[]): number {
  const ranges = new Map(bindings.map(({ block, offset, bytes }) => [`${block.id} ${offset}`, bytes]));
  return [...ranges.values()].reduce((sum, bytes) => sum + bytes, 0);
}
