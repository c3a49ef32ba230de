// From kernels and tensors to dispatches: at once, or into a recording while one is being made. Variants are chosen
// on the way.
import type { Kernel } from '@moviegen/kernels';
import type { Binding } from '../gpu/commands.ts';
import type { Engine } from '../gpu/engine.ts';
import type { DeviceOptions } from '../gpu/options.ts';
import { Plan, Recording } from '../gpu/recording.ts';
import type { Tensor } from '../tensor.ts';
import type { Choice, Tuner } from '../tuning/tuner.ts';
import { bind } from './bind.ts';
import type { Device } from './device.ts';
import { measureKernel } from './measure.ts';
import { tensorsIn } from './tensorsIn.ts';

/** Dispatches and records for one device. */
export class Dispatcher {
  readonly #device: Device;
  readonly #engine: Engine;
  readonly #tuner: Tuner;
  readonly #onDispatch: DeviceOptions['onDispatch'];
  #plan: Plan | undefined;
  #recordings = 0;

  constructor(device: Device, engine: Engine, tuner: Tuner, onDispatch: DeviceOptions['onDispatch']) {
    this.#device = device;
    this.#engine = engine;
    this.#tuner = tuner;
    this.#onDispatch = onDispatch;
  }

  /** The recording being made, if one is. */
  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** Runs a kernel; of a use with variants that which was chosen. */
  run(kernel: Kernel, buffers: readonly Tensor[], choice?: Choice): void {
    const { faults, encoder } = this.#engine;
    faults.throwIfLost();
    const bindings = bind(this.#device, kernel, buffers);
    if (kernel.workgroups === 0) return;
    this.#onDispatch?.(kernel, distinctBytes(bindings));
    if (this.#plan) {
      const storages = buffers.map((tensor) => tensor.storage(kernel.label));
      this.#plan.dispatch(kernel, bindings, storages, choice);
    } else encoder.dispatch(kernel, bindings);
  }

  /** Runs the variant that suits best, as far as is known. */
  runBest(choice: Choice, buffers: readonly Tensor[]): void {
    // In mode `full` a recording may still exchange it, once measured.
    const open = this.#plan !== undefined && this.#tuner.mode === 'full';
    const kernel = choice.make(this.#tuner.choose(choice, !open));
    this.#tuner.note(
      choice,
      buffers.map(({ bytes }) => bytes),
    );
    this.run(kernel, buffers, choice);
  }

  /** Measures what is unknown of variants, in mode `full`. */
  async tune(): Promise<void> {
    await this.#tuner.tune((kernel, bytes, best) => measureKernel(this.#device, kernel, bytes, best));
  }

  /** Records the dispatches of `fn`. */
  record<T>(fn: () => T): Recording<T> {
    const { faults } = this.#engine;
    const { scopes } = this.#device;
    faults.throwIfLost();
    if (this.#plan) throw new Error('record: a recording is being made already');
    const plan = this.#newPlan();
    const opened = scopes.open();
    this.#plan = plan;
    let result: T;
    let own: readonly Tensor[] = [];
    try {
      result = fn();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new Error('record: fn returned a promise: it must queue all its work at once');
      }
      // What was there before stays whose it was.
      own = tensorsIn(result).filter((tensor) => opened.has(tensor) || plan.owns(tensor.storage('record')));
      for (const tensor of own) scopes.detach(tensor);
      scopes.close(opened, []);
      plan.finish();
    } catch (error) {
      scopes.close(opened, []);
      for (const tensor of own) tensor.dispose();
      plan.destroy();
      throw error;
    } finally {
      this.#plan = undefined;
    }
    const release = (): void => {
      for (const tensor of own) tensor.dispose();
    };
    return new Recording(result, plan, () => faults.throwIfLost(), release);
  }

  #newPlan(): Plan {
    const { gpu, pipelines, pool, encoder, maxWorkgroups } = this.#engine;
    return new Plan({
      ...{ gpu, pipelines, pool, encoder, maxWorkgroups },
      label: `recording ${this.#recordings++}`,
      tune: this.#tuner.mode === 'full' ? () => this.#tuned() : undefined,
    });
  }

  async #tuned(): Promise<(choice: Choice) => Kernel> {
    await this.tune();
    return (choice) => choice.make(this.#tuner.choose(choice, true));
  }
}

/** Bytes that bindings name together, a range that two of them share once. */
function distinctBytes(bindings: readonly Binding[]): number {
  const ranges = new Map(bindings.map(({ block, offset, bytes }) => [`${block.id} ${offset}`, bytes]));
  return [...ranges.values()].reduce((sum, bytes) => sum + bytes, 0);
}
