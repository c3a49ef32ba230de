// A function's dispatches, kept to be run again: pipelines, bind groups, uniforms and memory are prepared
// once, and a replay only encodes. While a function is recorded, none of its dispatches runs.
import type { Kernel } from '@moviegen/kernels';
import type { Choice } from '../tuning/tuner.ts';
import { type BufferRange, bindGroup, type Commands, type Cost, costOf } from './commands.ts';
import { fold } from './fold.ts';
import type { Compiled, Pipelines, Program } from './pipelines.ts';
import type { Block, BufferPool } from './pool.ts';
import type { Allocator, Storage } from './storage.ts';

const COPY_DST = 0x8;
const UNIFORM = 0x40;
const alignment = 256;

interface Dispatch {
  kernel: Kernel;
  program: Program;
  readonly bindings: readonly BufferRange[];
  counts: readonly [number, number, number];
  readonly cost: Cost;
  readonly offset: number | undefined;
  /** The choice of variants behind the dispatch, where there was one. */
  readonly choice: Choice | undefined;
  group?: GPUBindGroup;
}

interface Clear {
  readonly clear: BufferRange;
}

/** What a recording needs of its device. */
export interface RecordingParts {
  readonly gpu: GPUDevice;
  readonly pipelines: Pipelines;
  readonly pool: BufferPool;
  readonly commands: Commands;
  readonly maxWorkgroups: number;
  readonly label: string;
  /** Measures variants that were not measured yet; absent where they are not to be measured. */
  readonly tune: (() => Promise<(choice: Choice) => Kernel>) | undefined;
}

/**
 * The steps of a recording, and its memory. Buffers that a scope inside releases go to later
 * steps of the same recording, and to nobody else for as long as the recording lives.
 */
export class RecordedSteps implements Allocator {
  readonly #parts: RecordingParts;
  readonly #steps: (Dispatch | Clear)[] = [];
  readonly #blocks = new Set<Block>();
  /** The blocks among these that a tensor, a view or another recording holds. */
  readonly #lent = new Set<Block>();
  readonly #free = new Map<number, Block[]>();
  /** Blocks with content from the host, written once: no step may use them for anything else. */
  readonly #constant = new Set<Block>();
  readonly #held = new Set<Storage>();
  readonly #mentioned = new Set<Block>();
  #uniforms: GPUBuffer | undefined;
  #uniformBytes = 0;
  #replayed = false;
  #destroyed = false;

  constructor(parts: RecordingParts) {
    this.#parts = parts;
  }

  acquire(bytes: number, label: string): Block {
    // Any block of the recording that is large enough, without wasting half of it.
    for (const [size, blocks] of this.#free)
      if (size >= bytes && size <= Math.max(256, 2 * bytes) && blocks.length > 0)
        return this.#lend(blocks.pop()!);
    return this.#lend(this.#parts.pool.acquire(bytes, label));
  }

  /** A block for content that the host writes now and every replay reads. */
  acquireConstant(bytes: number, label: string): Block {
    const block = this.#lend(this.#parts.pool.acquire(bytes, label));
    this.#constant.add(block);
    return block;
  }

  #lend(block: Block): Block {
    this.#blocks.add(block);
    this.#lent.add(block);
    return block;
  }

  /** Whether the memory belongs to the recording. */
  owns({ blocks }: Storage): boolean {
    return this.#blocks.has(blocks[0]!);
  }

  release(block: Block): void {
    this.#lent.delete(block);
    if (this.#destroyed) this.#parts.pool.release(block);
    if (this.#destroyed || this.#constant.has(block)) return;
    const free = this.#free.get(block.bytes);
    if (free) free.push(block);
    else this.#free.set(block.bytes, [block]);
  }

  /** Adds a dispatch; the `storages` of its bindings are kept alive as long as the recording. */
  dispatch(
    kernel: Kernel,
    bindings: readonly BufferRange[],
    storages: readonly Storage[],
    choice: Choice | undefined,
  ): void {
    const program = this.#parts.pipelines.started(kernel);
    for (const storage of storages) this.#hold(storage);
    for (const { block } of bindings) this.#mentioned.add(block);
    const offset = kernel.uniforms ? this.#uniformBytes : undefined;
    if (kernel.uniforms) this.#uniformBytes += Math.ceil(kernel.uniforms.length / alignment) * alignment;
    const counts = fold(kernel.workgroups, this.#parts.maxWorkgroups);
    this.#steps.push({ kernel, program, bindings, counts, offset, choice, cost: costOf(kernel, bindings) });
  }

  /** Adds filling a range with zero bytes. */
  clear(range: BufferRange, storage: Storage): void {
    this.#hold(storage);
    this.#mentioned.add(range.block);
    this.#steps.push({ clear: range });
  }

  /** Uploads the uniforms and makes the bind groups. Nothing has to be allocated afterwards. */
  finish(): void {
    const { gpu, pool, label } = this.#parts;
    const bytes = new Uint8Array(Math.max(alignment, this.#uniformBytes));
    const uniforms = gpu.createBuffer({
      label: `${label} uniforms`,
      size: bytes.length,
      usage: UNIFORM | COPY_DST,
    });
    pool.count(bytes.length);
    for (const step of this.#steps) {
      if ('clear' in step) continue;
      const { kernel, program, bindings, offset } = step;
      if (kernel.uniforms) bytes.set(kernel.uniforms, offset);
      const size = kernel.uniforms?.length ?? 0;
      step.group = bindGroup(gpu, kernel.label, program.layout, bindings, uniforms, size);
    }
    gpu.queue.writeBuffer(uniforms, 0, bytes);
    this.#uniforms = uniforms;
  }

  /** Resolves when variants are chosen and every pipeline is compiled. */
  async ready(): Promise<void> {
    const { tune } = this.#parts;
    if (tune && !this.#replayed) {
      const chosen = await tune();
      for (const step of this.#steps)
        if ('choice' in step && step.choice) this.#exchange(step, chosen(step.choice));
    }
    const programs = new Set(this.#steps.flatMap((step) => ('program' in step ? [step.program] : [])));
    await Promise.all([...programs].map(({ ready }) => ready));
  }

  /** Puts another variant of its kernel into a step. */
  #exchange(step: Dispatch, kernel: Kernel): void {
    if (kernel.code === step.kernel.code || !this.#uniforms || this.#replayed) return;
    const { gpu, pipelines, maxWorkgroups } = this.#parts;
    step.kernel = kernel;
    step.program = pipelines.started(kernel);
    step.counts = fold(kernel.workgroups, maxWorkgroups);
    const { uniforms } = kernel;
    if (uniforms) gpu.queue.writeBuffer(this.#uniforms, step.offset!, uniforms);
    const size = uniforms?.length ?? 0;
    step.group = bindGroup(gpu, kernel.label, step.program.layout, step.bindings, this.#uniforms, size);
  }

  /** Encodes all steps. */
  replay(): void {
    const { commands, pipelines } = this.#parts;
    this.#replayed = true;
    for (const step of this.#steps) {
      if ('clear' in step) {
        commands.clear(step.clear.block, step.clear.offset, step.clear.bytes);
        continue;
      }
      const { program, kernel, group, offset, counts, cost } = step;
      const compiled = program.pipeline ? (program as Compiled) : pipelines.compiled(kernel);
      commands.run(compiled, group!, offset, counts, cost);
    }
    commands.mark(this.#mentioned);
  }

  /** Counts of dispatches and bytes of the memory. */
  size(): { dispatches: number; bytes: number } {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block.bytes;
    return { dispatches: this.#steps.filter((step) => 'program' in step).length, bytes };
  }

  /** Gives all memory back. Blocks that others still hold follow when those release them. */
  destroy(): void {
    const { pool, commands } = this.#parts;
    commands.submit(); // a replay that is still being encoded names these buffers
    for (const storage of this.#held) storage.release();
    this.#destroyed = true;
    for (const block of this.#blocks) if (!this.#lent.has(block)) pool.release(block);
    this.#held.clear();
    this.#blocks.clear();
    this.#free.clear();
    this.#steps.length = 0;
    if (this.#uniforms) {
      pool.count(-this.#uniforms.size);
      this.#uniforms.destroy();
      this.#uniforms = undefined;
    }
  }

  #hold(storage: Storage): void {
    if (this.owns(storage) || this.#held.has(storage)) return;
    this.#held.add(storage.retain());
  }
}

/** Dispatches to run again and again. */
export class Recording<T> {
  /** What the function returned; its tensors hold the newest replay's values, and go with the recording. */
  readonly result: T;
  readonly #steps: RecordedSteps;
  readonly #release: () => void;
  readonly #check: () => void;
  #destroyed = false;

  /** @internal */
  constructor(result: T, steps: RecordedSteps, check: () => void, release: () => void) {
    this.result = result;
    this.#steps = steps;
    this.#check = check;
    this.#release = release;
  }

  /** Dispatches a replay encodes, and bytes of memory that the recording keeps for itself. */
  get size(): { readonly dispatches: number; readonly bytes: number } {
    return this.#steps.size();
  }

  /** Resolves when every pipeline is compiled. It need not be awaited: `run` compiles the missing ones itself. */
  ready(): Promise<void> {
    return this.#steps.ready();
  }

  /** Runs everything once more, with the inputs' present content. Allocates nothing. */
  run(): T {
    this.#check();
    if (this.#destroyed) throw new Error('recording: run after destroy');
    this.#steps.replay();
    return this.result;
  }

  /** Releases the recording's memory and its result. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#release();
    this.#steps.destroy();
  }
}
