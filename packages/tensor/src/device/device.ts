// A GPU and all that is done to it: memory, dispatch, waiting, errors. This is the public face; the working parts
// stand in files of their own. What a dispatch computes is written in @moviegen/kernels.
import type { DType, Kernel, Target } from '@moviegen/kernels';
import {
  type AdapterInfo,
  describeAdapter,
  findAdapter,
  limitsOf,
  requestDevice,
  targetOf,
} from '../gpu/adapter.ts';
import type { BufferRange } from '../gpu/commands.ts';
import { type Engine, engineOf, waitFor } from '../gpu/engine.ts';
import type { DeviceLostError } from '../gpu/errors.ts';
import { browser } from '../gpu/host.ts';
import type { DeviceOptions } from '../gpu/options.ts';
import type { Memory } from '../gpu/pool.ts';
import type { Recording } from '../gpu/recording.ts';
import type { Storage } from '../gpu/storage.ts';
import { type Timing, timed } from '../gpu/timing.ts';
import { browserStore } from '../tuning/store.ts';
import { type Choice, Tuner } from '../tuning/tuner.ts';
import { Dispatcher } from './dispatcher.ts';
import { TensorMemory } from './memory.ts';
import type { Operand } from './operand.ts';
import { Scopes } from './scopes.ts';

/** A GPU to compute on. In Node, `openDevice` of `@moviegen/tensor/node` makes one. */
export class Device {
  /** The features and sizes that kernels may rely on; their code depends on them. */
  readonly target: Target;
  /** The adapter's maker and names. */
  readonly info: AdapterInfo;
  /** The limits to keep: the adapter's, or lower ones that were asked for. */
  readonly limits: GPUSupportedLimits;
  /** Features in use. */
  readonly features: ReadonlySet<string>;
  /** Resolves when the device is lost, and on `destroy()`. */
  readonly lost: Promise<DeviceLostError>;
  /** The WebGPU device underneath, for uses that this class does not cover. */
  readonly gpu: GPUDevice;
  /** @internal */
  readonly scopes = new Scopes<Operand>((tensor) => this.#memory.watch(tensor));
  readonly #engine: Engine;
  readonly #dispatcher: Dispatcher;
  readonly #memory: TensorMemory;

  private constructor(adapter: GPUAdapter, gpu: GPUDevice, options: DeviceOptions, tuner: Tuner) {
    this.gpu = gpu;
    this.target = targetOf(adapter, gpu);
    this.info = describeAdapter(adapter);
    this.limits = limitsOf(gpu, options.limits);
    this.features = new Set(gpu.features);
    this.#engine = engineOf(gpu, this.limits, options);
    this.lost = this.#engine.faults.lost;
    this.#dispatcher = new Dispatcher(this, this.#engine, tuner, options);
    this.#memory = new TensorMemory(this.#engine);
  }

  /**
   * Opens a device with all limits of its adapter and the features f16, subgroups, subgroup matrices and
   * timestamps where it has them.
   * @throws NoAdapterError where there is no adapter.
   */
  static async create(options: DeviceOptions = {}): Promise<Device> {
    const host = options.host ?? browser;
    const adapter = await findAdapter(options, host);
    const { vendor, architecture, device, description } = describeAdapter(adapter);
    const name = [vendor, architecture, device, description].join(' ');
    const { label = 'moviegen', tune = 'cached', tuneStore = browserStore } = options;
    // A table of an adapter without a name, as in Firefox, would be read on every other one too.
    const tuner = await Tuner.open(tune, name, name.trim() === '' ? undefined : tuneStore);
    const opened = await host.poll(() => requestDevice(adapter, label, options.limits));
    return new Device(adapter, opened, options, tuner);
  }

  /** @internal A device over WebGPU objects that exist already; variants are chosen by the kernels' own order. */
  static over(adapter: GPUAdapter, gpu: GPUDevice, options: DeviceOptions): Device {
    return new Device(adapter, gpu, options, Tuner.off());
  }

  /** Bytes held on the device, exactly. */
  memory(): Memory {
    return this.#engine.pool.memory();
  }

  /** Makes the present use the new `peak`. */
  resetPeak(): void {
    this.#engine.pool.resetPeak();
  }

  /** Gives free buffers back to the system. */
  trim(): void {
    this.#engine.pool.trim();
    this.#engine.readback.trim();
  }

  /** Distinct kernel texts compiled so far. */
  get pipelines(): number {
    return this.#engine.pipelines.size;
  }

  /**
   * Runs a kernel on tensors in the order of its bindings: the one place that dispatches. It is queued;
   * errors of the GPU reject the next `read()` or `sync()`.
   */
  run(kernel: Kernel, buffers: readonly Operand[]): void {
    this.#dispatcher.run(kernel, buffers);
  }

  /** {@link run} with the variant of a kernel that is the best known one for this adapter. */
  runBest(choice: Choice, buffers: readonly Operand[]): void {
    this.#dispatcher.runBest(choice, buffers);
  }

  /**
   * In mode `full`, measures the variants of kernels used so far that no table has, and keeps the result; a
   * recording does so by itself in `ready()`. In other modes nothing.
   */
  tune(): Promise<void> {
    return this.#dispatcher.tune();
  }

  /** Sends queued work to the GPU now. Otherwise it is sent when enough has gathered, and by `read`. */
  submit(): void {
    this.#engine.commands.submit();
  }

  /** Waits for all queued work. @throws the first error of the device since the last wait. */
  async sync(): Promise<void> {
    await waitFor(this.#engine);
  }

  /** Compiles kernels in parallel, before they are needed. @throws ShaderError. */
  async precompile(kernels: Iterable<Kernel>): Promise<void> {
    const { faults, pipelines } = this.#engine;
    faults.throwIfLost();
    await Promise.all([...kernels].map((kernel) => pipelines.started(kernel).ready));
  }

  /**
   * Records the dispatches of `fn` without running them. The recording runs them as often as wanted,
   * with the present content of every outside tensor that `fn` uses; it keeps these tensors alive.
   * Inside, scopes let intermediates share memory; `read` and `write` are errors.
   */
  record<T>(fn: () => T): Recording<T> {
    return this.#dispatcher.record(fn);
  }

  /** Compiles, in parallel, all kernels that `fn` would run, without running them. */
  async warmUp(fn: () => unknown): Promise<void> {
    const recording = this.record(fn);
    try {
      await recording.ready();
    } finally {
      recording.destroy();
    }
  }

  /** Runs `fn` and measures the work that it queues until that is done; work queued before is not counted. */
  time(fn: () => unknown): Promise<Timing> {
    return timed(this.#engine, () => this.sync(), fn);
  }

  /** Ends the device; its tensors are gone. In Node the process can exit then. */
  destroy(): void {
    this.gpu.destroy();
  }

  /** @internal Must be called where a tensor is disposed. */
  forget(tensor: Operand): void {
    this.scopes.forget(tensor);
    this.#memory.forget(tensor);
  }

  /** @internal Memory for a tensor of rows; `written` where its content comes from the host. */
  allocate(
    bytes: number,
    rowBytes: number,
    dtype: DType,
    label: string | undefined,
    written: boolean,
  ): Storage {
    const name = label ?? 'tensor';
    if (dtype === 'f16' && !this.target.f16) {
      throw new Error(`${name}: this adapter has no f16 (${this.info.description}): use f32`);
    }
    return this.#memory.allocate(bytes, rowBytes, name, written);
  }

  /** @internal Writes the first content of a new tensor. */
  upload(ranges: readonly BufferRange[], bytes: Uint8Array<ArrayBuffer>): void {
    this.#memory.upload(ranges, bytes);
  }

  /** @internal Replaces a tensor's content. */
  overwrite(ranges: readonly BufferRange[], bytes: Uint8Array<ArrayBuffer>): void {
    this.#memory.overwrite(ranges, bytes);
  }

  /** @internal Fills a tensor with zeros. */
  clear(tensor: Operand): void {
    this.#memory.clear(tensor);
  }

  /** @internal Reads the first `bytes` of ranges. */
  download(ranges: readonly BufferRange[], bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#memory.download(ranges, bytes);
  }
}
