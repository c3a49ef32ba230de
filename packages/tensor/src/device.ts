// A GPU and all that is done to it: memory, dispatch, waiting, errors. The parts stand in files of their
// own; this is their public face. What a dispatch computes is written in @moviegen/kernels.
import type { DType, Kernel, Target } from '@moviegen/kernels';
import {
  type AdapterInfo,
  describeAdapter,
  type Limits,
  limitsOf,
  requestDevice,
  targetOf,
} from './adapter.ts';
import { bind } from './bind.ts';
import { type Binding, Encoder, type SubmitBounds } from './encoder.ts';
import { type DeviceLostError, NoAdapterError } from './errors.ts';
import { Faults } from './faults.ts';
import { browser, type Host } from './host.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool, type Memory } from './pool.ts';
import { Readback } from './readback.ts';
import { type Parts, Plan, Recording } from './recording.ts';
import { Scopes } from './scopes.ts';
import { type Allocator, Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { tensorsIn } from './tensorsIn.ts';
import { Stopwatch } from './timing.ts';
import { measureKernel } from './tuneMeasure.ts';
import { type Choice, type TuneMode, Tuner, type TuneStore } from './tuner.ts';
import { browserStore } from './tuneStore.ts';

/** How to open a device. Give `gpu` (in a browser `navigator.gpu`, the default) or an `adapter`. */
export interface DeviceOptions {
  readonly gpu?: GPU;
  readonly adapter?: GPUAdapter;
  /** Name of the device in WebGPU's messages. */
  readonly label?: string;
  /** Bytes that all buffers together may reach. Default: what the adapter has. */
  readonly memoryLimit?: number;
  /** Bounds of one submit, so that no watchdog ends a long one. */
  readonly submit?: Partial<SubmitBounds>;
  /** Workgroups a dimension before a dispatch is folded. Default: the adapter's limit. */
  readonly maxWorkgroups?: number;
  /** Limits lower than the adapter's, to try how code fares on a smaller one; also lower than WebGPU's defaults. */
  readonly limits?: Limits;
  /** Told of every dispatch, and of each once in a recording: the kernel, and the bytes that it names. */
  readonly onDispatch?: (kernel: Kernel, bytes: number) => void;
  /** How promises get to resolve. The Node entry sets it. */
  readonly host?: Host;
  /** How variants of kernels are chosen. Default `cached`: measured before, or by the kernels' own order. */
  readonly tune?: TuneMode;
  /** Where measured tables are kept. The Node entry sets it. */
  readonly tuneStore?: TuneStore;
}

/** Time that some work took. */
export interface Timing {
  readonly ms: number;
  /** By the GPU's own clock, or by the host's, submit and wait included, where the GPU has none. */
  readonly source: 'gpu' | 'host';
}

// Enough to hide the cost of a submit, and of large dispatches no more than two or three: half a second of a GPU
// that reaches 1 TFLOP/s, or 10 GB/s.
const DEFAULT_BOUNDS: SubmitBounds = { maxDispatches: 128, maxBytes: 2 ** 32, maxFlops: 5e11 };

/** A GPU to compute on. In Node, `openDevice` of `@moviegen/tensor/node` makes one. */
export class Device {
  /** What kernels may count on: chooses their code. */
  readonly target: Target;
  /** Who made the adapter. */
  readonly info: AdapterInfo;
  /** The adapter's limits, all of them requested, or the lower ones that were asked for. */
  readonly limits: GPUSupportedLimits;
  /** Features in use. */
  readonly features: ReadonlySet<string>;
  /** Resolves when the device is lost, and on `destroy()`. */
  readonly lost: Promise<DeviceLostError>;
  /** The WebGPU device underneath, for what this class lacks. */
  readonly gpu: GPUDevice;
  /** @internal */
  readonly scopes = new Scopes<Tensor>((tensor) => this.#watchOrphan(tensor));
  /** Gives back the memory of tensors that nobody disposed and nobody can reach any more. */
  readonly #orphans = new FinalizationRegistry<Storage>((storage) => storage.release());
  readonly #host: Host;
  readonly #faults: Faults;
  readonly #pipelines: Pipelines;
  readonly #pool: BufferPool;
  readonly #encoder: Encoder;
  readonly #readback: Readback;
  readonly #maxWorkgroups: number;
  readonly #tuner: Tuner;
  readonly #onDispatch: DeviceOptions['onDispatch'];
  #plan: Plan | undefined;
  #recordings = 0;

  private constructor(adapter: GPUAdapter, gpu: GPUDevice, options: DeviceOptions, tuner: Tuner) {
    this.gpu = gpu;
    this.#tuner = tuner;
    this.target = targetOf(adapter, gpu);
    this.info = describeAdapter(adapter);
    this.limits = limitsOf(gpu, options.limits);
    this.features = new Set(gpu.features);
    this.#host = options.host ?? browser;
    this.#onDispatch = options.onDispatch;
    this.#maxWorkgroups = options.maxWorkgroups ?? gpu.limits.maxComputeWorkgroupsPerDimension;
    this.#faults = new Faults(gpu, this.#host);
    this.lost = this.#faults.lost;
    this.#pipelines = new Pipelines(gpu, this.#host, (check) => this.#faults.watch(check));
    this.#pool = new BufferPool(
      gpu,
      this.limits.maxBufferSize,
      options.memoryLimit ?? Number.POSITIVE_INFINITY,
      (block, label) =>
        this.#faults.watchMemory(block, label, () => `${this.#pool.memory().used} bytes in use`),
      (block) => this.#encoder.beforeWrite(block),
    );
    const bounds = { ...DEFAULT_BOUNDS, ...options.submit };
    this.#encoder = new Encoder(gpu, this.#pipelines, this.#pool, bounds, this.#maxWorkgroups);
    this.#readback = new Readback(gpu, this.#host, this.#encoder, this.#pool);
  }

  /**
   * Opens a device with all limits of its adapter and the features f16, subgroups, subgroup matrices and
   * timestamps where it has them.
   * @throws NoAdapterError where there is no adapter.
   */
  static async create(options: DeviceOptions = {}): Promise<Device> {
    const host = options.host ?? browser;
    const gpu = options.gpu ?? globalThis.navigator?.gpu;
    if (!options.adapter && !gpu) {
      throw new NoAdapterError('device: no WebGPU here; in Node use openDevice of @moviegen/tensor/node');
    }
    const adapter =
      options.adapter ??
      (await host.poll(() => gpu!.requestAdapter({ powerPreference: 'high-performance' })));
    if (!adapter) throw new NoAdapterError('device: this system has WebGPU, but no adapter for it');
    const label = options.label ?? 'moviegen';
    const { vendor, architecture, device, description } = describeAdapter(adapter);
    const name = [vendor, architecture, device, description].join(' ');
    const { tune = 'cached', tuneStore = browserStore } = options;
    const tuner = await Tuner.open(tune, name, tuneStore);
    const opened = await host.poll(() => requestDevice(adapter, label, options.limits));
    return new Device(adapter, opened, options, tuner);
  }

  /** Bytes held on the device, exactly. */
  memory(): Memory {
    return this.#pool.memory();
  }

  /** Makes the present use the new `peak`. */
  resetPeak(): void {
    this.#pool.resetPeak();
  }

  /** Gives free buffers back to the system. */
  trim(): void {
    this.#pool.trim();
    this.#readback.trim();
  }

  /** Distinct kernel texts compiled so far. */
  get pipelines(): number {
    return this.#pipelines.size;
  }

  /**
   * Runs a kernel on tensors in the order of its bindings: the one place that dispatches. It is queued;
   * errors of the GPU reject the next `read()` or `sync()`.
   */
  run(kernel: Kernel, buffers: readonly Tensor[]): void {
    this.#run(kernel, buffers);
  }

  /** {@link run} with the variant of a kernel that suits this adapter best, as far as is known. */
  runBest(choice: Choice, buffers: readonly Tensor[]): void {
    // In mode `full` a recording may still exchange it, once measured.
    const open = this.#plan !== undefined && this.#tuner.mode === 'full';
    const kernel = choice.make(this.#tuner.choose(choice, !open));
    this.#tuner.note(
      choice,
      buffers.map(({ bytes }) => bytes),
    );
    this.#run(kernel, buffers, choice);
  }

  /**
   * In mode `full`, measures the variants of kernels used so far that no table has, and keeps the result; a
   * recording does so by itself in `ready()`. In other modes nothing.
   */
  async tune(): Promise<void> {
    await this.#tuner.tune((kernel, bytes) => measureKernel(this, kernel, bytes));
  }

  #run(kernel: Kernel, buffers: readonly Tensor[], choice?: Choice): void {
    this.#faults.throwIfLost();
    const bindings = bind(this, kernel, buffers);
    if (kernel.workgroups === 0) return;
    this.#onDispatch?.(kernel, distinctBytes(bindings));
    if (this.#plan) {
      const storages = buffers.map((tensor) => tensor.storage(kernel.label));
      this.#plan.dispatch(kernel, bindings, storages, choice);
    } else this.#encoder.dispatch(kernel, bindings);
  }

  /** Sends queued work to the GPU now; it goes by itself when enough has gathered, and on `read`. */
  submit(): void {
    this.#encoder.submit();
  }

  /** Waits for all queued work. @throws what went wrong on the device since the last wait. */
  async sync(): Promise<void> {
    this.#faults.throwIfLost();
    this.submit();
    await this.#faults.settle(this.#host.poll(() => this.gpu.queue.onSubmittedWorkDone()));
  }

  /** Compiles kernels in parallel, before they are needed. @throws ShaderError. */
  async precompile(kernels: Iterable<Kernel>): Promise<void> {
    this.#faults.throwIfLost();
    await Promise.all([...kernels].map((kernel) => this.#pipelines.started(kernel).ready));
  }

  /**
   * Records the dispatches of `fn` without running them. The recording runs them as often as wanted,
   * with the present content of every tensor from outside that `fn` uses; those it keeps alive.
   * Inside, scopes let intermediates share memory; `read` and `write` are errors.
   */
  record<T>(fn: () => T): Recording<T> {
    this.#faults.throwIfLost();
    if (this.#plan) throw new Error('record: a recording is being made already');
    const plan = new Plan(this.#parts(`recording ${this.#recordings++}`));
    const opened = this.scopes.open();
    this.#plan = plan;
    let result: T;
    try {
      result = fn();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new Error('record: fn returned a promise: it must queue all its work at once');
      }
      for (const tensor of tensorsIn(result)) this.scopes.detach(tensor);
      this.scopes.close(opened, []);
      plan.finish();
    } catch (error) {
      this.scopes.close(opened, []);
      plan.destroy();
      throw error;
    } finally {
      this.#plan = undefined;
    }
    const release = (): void => {
      for (const tensor of tensorsIn(result))
        if (plan.owns(tensor.storage('recording').block)) tensor.dispose();
    };
    return new Recording(result, plan, () => this.#faults.throwIfLost(), release);
  }

  /** Compiles, in parallel, what `fn` would run, without running it. */
  async warmUp(fn: () => unknown): Promise<void> {
    const recording = this.record(fn);
    try {
      await recording.ready();
    } finally {
      recording.destroy();
    }
  }

  /** Runs `fn` and measures the work that it queues until it is done, apart from what was queued before. */
  async time(fn: () => unknown): Promise<Timing> {
    await this.sync();
    if (!this.features.has('timestamp-query')) {
      const begin = performance.now();
      await fn();
      await this.sync();
      return { ms: performance.now() - begin, source: 'host' };
    }
    const watch = new Stopwatch(this.gpu);
    this.#encoder.timer = watch;
    try {
      await fn();
      this.submit();
      return { ms: await this.#faults.settle(watch.read(this.#host)), source: 'gpu' };
    } finally {
      this.#encoder.timer = undefined;
      watch.destroy();
    }
  }

  /** Ends the device; its tensors are gone. In Node the process can exit then. */
  destroy(): void {
    this.gpu.destroy();
  }

  /** @internal Must be called where a tensor is disposed. */
  forget(tensor: Tensor): void {
    this.scopes.forget(tensor);
    this.#orphans.unregister(tensor);
  }

  /** @internal Memory for a tensor; `written` where its content comes from the host. */
  allocate(bytes: number, dtype: DType, label: string | undefined, written: boolean): Storage {
    this.#faults.throwIfLost();
    const name = label ?? 'tensor';
    if (dtype === 'f16' && !this.target.f16) {
      throw new Error(`${name}: this adapter has no f16 (${this.info.description}): use f32`);
    }
    const needed = Math.max(16, Math.ceil(bytes / 16) * 16);
    const from: Allocator = this.#plan ?? this.#pool;
    const block =
      this.#plan && written ? this.#plan.acquireConstant(needed, name) : from.acquire(needed, name);
    return new Storage(block, from);
  }

  /** @internal Writes the first content of a new tensor. */
  upload({ block, offset }: Binding, bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    this.#encoder.beforeWrite(block);
    const padded = bytes.length % 4 === 0 ? bytes : new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    if (padded !== bytes) padded.set(bytes);
    this.gpu.queue.writeBuffer(block.buffer, offset, padded, 0, padded.length);
  }

  /** @internal Replaces a tensor's content. */
  overwrite(binding: Binding, bytes: Uint8Array<ArrayBuffer>): void {
    this.#faults.throwIfLost();
    if (this.#plan) throw new Error('record: write inside a recording would not be replayed');
    this.upload(binding, bytes);
  }

  /** @internal Fills a tensor with zeros. */
  clear(tensor: Tensor): void {
    const range = tensor.binding('clear');
    if (this.#plan) this.#plan.clear(range, tensor.storage('clear'));
    else this.#encoder.clear(range.block, range.offset, range.bytes);
  }

  /** @internal Reads bytes of a range. */
  async download(range: Binding, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#faults.throwIfLost();
    if (this.#plan) throw new Error('record: read inside a recording: nothing has run yet');
    if (bytes === 0) return new Uint8Array();
    return this.#faults.settle(this.#readback.read(range, bytes));
  }

  async #tuned(): Promise<(choice: Choice) => Kernel> {
    await this.tune();
    return (choice) => choice.make(this.#tuner.choose(choice, true));
  }

  #watchOrphan(tensor: Tensor): void {
    if (!tensor.disposed) this.#orphans.register(tensor, tensor.storage('scope'), tensor);
  }

  #parts(label: string): Parts {
    return {
      gpu: this.gpu,
      pipelines: this.#pipelines,
      pool: this.#pool,
      encoder: this.#encoder,
      maxWorkgroups: this.#maxWorkgroups,
      label,
      tune: this.#tuner.mode === 'full' ? () => this.#tuned() : undefined,
    };
  }
}

/** Bytes that bindings name together, a range that two of them share once. */
function distinctBytes(bindings: readonly Binding[]): number {
  const ranges = new Map(bindings.map(({ block, offset, bytes }) => [`${block.id} ${offset}`, bytes]));
  return [...ranges.values()].reduce((sum, bytes) => sum + bytes, 0);
}
