// Commands on their way to the GPU: dispatches gather in one compute pass of one command encoder, and are
// submitted together. Nothing else in the project encodes a dispatch.
//
// Why a released buffer may be reused at once: the queue runs commands in the order in which they were
// encoded, and WebGPU puts a barrier between a dispatch that writes a buffer and one that names it later.
// A new owner's first write therefore comes after the old owner's last read. Only writes by the host
// (`queue.writeBuffer`) could overtake commands that are encoded but not yet submitted: `beforeWrite`
// submits first where the buffer is named in the current batch.
import type { Kernel } from '@moviegen/kernels';
import { fold } from './fold.ts';
import type { Compiled, Layout, Pipelines, Program } from './pipelines.ts';
import type { Block, BufferPool } from './pool.ts';

const COPY_DST = 0x8;
const UNIFORM = 0x40;

/**
 * Bounds on what one submit may hold: watchdogs of desktop systems kill what runs for seconds. Only a dispatch
 * that is larger by itself exceeds them, alone in its submit.
 */
export interface SubmitBounds {
  /** Dispatches in a submit. */
  readonly maxDispatches: number;
  /** Bytes that the dispatches of a submit may name, each counted as often as it is bound. */
  readonly maxBytes: number;
  /** Floating-point operations of the dispatches of a submit, as their kernels estimate them. */
  readonly maxFlops: number;
}

/** The cost of a dispatch, as estimated before it runs. */
export interface Cost {
  /** Bytes of its bindings. */
  readonly bytes: number;
  readonly flops: number;
}

/** A range of a buffer bound to a kernel. */
export interface BufferRange {
  readonly block: Block;
  readonly offset: number;
  readonly bytes: number;
}

/** Workgroups by dimension. */
type Counts = readonly [number, number, number];

/** Measures compute passes while it is set as a device's timer. */
export interface PassTimer {
  /** Timestamp writes of the next pass. */
  next(): GPUComputePassTimestampWrites;
}

const alignment = 256; // of uniform offsets: the default limit, which every adapter satisfies
const CACHED_GROUPS = 4096;

/** Encodes dispatches in order and submits them in batches. */
export class Commands {
  readonly #gpu: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #bounds: SubmitBounds;
  readonly #maxWorkgroups: number;
  readonly #uniforms: GPUBuffer;
  /** Uniforms of the batch, written to the buffer in one go before its commands are submitted. */
  readonly #staged: Uint8Array<ArrayBuffer>;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #offset = new Uint32Array(1);
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;
  #stagedBytes = 0;
  #dispatches = 0;
  #bytes = 0;
  #flops = 0;
  #batch = 0;
  /** Set while passes are timed. */
  timer: PassTimer | undefined;

  constructor(
    gpu: GPUDevice,
    pipelines: Pipelines,
    pool: BufferPool,
    bounds: SubmitBounds,
    maxWorkgroups: number,
  ) {
    this.#gpu = gpu;
    this.#pipelines = pipelines;
    this.#bounds = bounds;
    this.#maxWorkgroups = maxWorkgroups;
    const size = Math.max(64 * 1024, bounds.maxDispatches * alignment);
    this.#uniforms = gpu.createBuffer({ label: 'uniforms', size, usage: UNIFORM | COPY_DST });
    this.#staged = new Uint8Array(size);
    pool.count(size);
  }

  /** Encodes one run of a kernel. */
  dispatch(kernel: Kernel, bindings: readonly BufferRange[]): void {
    const program = this.#pipelines.compiled(kernel);
    const { uniforms } = kernel;
    const cost = costOf(kernel, bindings);
    this.#makeRoom(cost, program);
    let offset = 0;
    if (uniforms) {
      const end = this.#stagedBytes + uniforms.length;
      if (end > this.#staged.length) this.submit();
      offset = this.#stagedBytes;
      this.#staged.set(uniforms, offset);
      this.#stagedBytes = Math.ceil((offset + uniforms.length) / alignment) * alignment;
    }
    const group = this.#group(kernel.label, program.layout, bindings, uniforms?.length ?? 0);
    for (const { block } of bindings) block.batch = this.#batch;
    const counts = fold(kernel.workgroups, this.#maxWorkgroups);
    this.#encode(program, group, uniforms ? offset : undefined, counts, cost);
  }

  /** Runs a dispatch whose parts are made; `offset` is the place of its uniforms. */
  run(program: Compiled, group: GPUBindGroup, offset: number | undefined, counts: Counts, cost: Cost): void {
    this.#makeRoom(cost, program);
    this.#encode(program, group, offset, counts, cost);
  }

  /**
   * Submits first where this dispatch would take the batch beyond its bounds, or where its pipeline may yet be refused:
   * WebGPU drops a whole batch with it.
   */
  #makeRoom({ bytes, flops }: Cost, { checked }: Program): void {
    const { maxBytes, maxFlops } = this.#bounds;
    const full = this.#bytes + bytes > maxBytes || this.#flops + flops > maxFlops;
    if (!checked || (this.#dispatches > 0 && full)) this.submit();
  }

  #encode(
    { pipeline, checked }: Compiled,
    group: GPUBindGroup,
    offset: number | undefined,
    [x, y, z]: Counts,
    { bytes, flops }: Cost,
  ): void {
    const pass = this.#compute();
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    if (offset === undefined) pass.setBindGroup(0, group);
    else {
      this.#offset[0] = offset;
      pass.setBindGroup(0, group, this.#offset, 0, 1);
    }
    pass.dispatchWorkgroups(x, y, z);
    this.#dispatches++;
    this.#bytes += bytes;
    this.#flops += flops;
    const { maxDispatches, maxBytes, maxFlops } = this.#bounds;
    const full = this.#dispatches >= maxDispatches || this.#bytes >= maxBytes || this.#flops >= maxFlops;
    if (full || !checked) this.submit();
  }

  /** Encodes filling a range with zero bytes. */
  clear(block: Block, offset: number, bytes: number): void {
    this.#commands().clearBuffer(block.buffer, offset, bytes);
    block.batch = this.#batch;
  }

  /** Encodes a copy into a buffer outside the pool. */
  copyOut(block: Block, offset: number, to: GPUBuffer, bytes: number): void {
    this.#commands().copyBufferToBuffer(block.buffer, offset, to, 0, bytes);
    block.batch = this.#batch;
  }

  /** Must precede a write by the host into the block. */
  beforeWrite(block: Block): void {
    if (block.batch === this.#batch) this.submit();
  }

  /** Notes that the current batch names these blocks. */
  mark(blocks: Iterable<Block>): void {
    for (const block of blocks) block.batch = this.#batch;
  }

  /** Submits all encoded commands to the queue. */
  submit(): void {
    if (!this.#encoder) return;
    this.#endPass();
    if (this.#stagedBytes > 0) {
      this.#gpu.queue.writeBuffer(this.#uniforms, 0, this.#staged, 0, this.#stagedBytes);
    }
    const commands = this.#encoder.finish();
    this.#encoder = undefined;
    this.#stagedBytes = 0;
    this.#dispatches = 0;
    this.#bytes = 0;
    this.#flops = 0;
    this.#batch++;
    this.#gpu.queue.submit([commands]);
  }

  /** The bind group of these ranges, from the cache where the same ranges were bound before. */
  #group(
    label: string,
    layout: Layout,
    bindings: readonly BufferRange[],
    uniformBytes: number,
  ): GPUBindGroup {
    let key = `${layout.id},${uniformBytes}`;
    for (const { block, offset, bytes } of bindings) key += `:${block.id},${offset},${bytes}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const group = bindGroup(this.#gpu, label, layout, bindings, this.#uniforms, uniformBytes);
    if (this.#groups.size >= CACHED_GROUPS) this.#groups.clear();
    this.#groups.set(key, group);
    return group;
  }

  #commands(): GPUCommandEncoder {
    this.#endPass();
    this.#encoder ??= this.#gpu.createCommandEncoder({ label: `batch ${this.#batch}` });
    return this.#encoder;
  }

  #compute(): GPUComputePassEncoder {
    if (this.#pass) return this.#pass;
    const label = `batch ${this.#batch}`;
    const timestampWrites = this.timer?.next();
    this.#pass = this.#commands().beginComputePass(timestampWrites ? { label, timestampWrites } : { label });
    return this.#pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}

/** What running a kernel on these ranges costs. */
export const costOf = ({ flops = 0 }: Kernel, bindings: readonly BufferRange[]): Cost => ({
  bytes: totalBytes(bindings),
  flops,
});

/** Bytes that bindings name together. */
export function totalBytes(bindings: readonly BufferRange[]): number {
  return bindings.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A bind group of storage ranges and, after them, a block of uniforms at a dynamic offset. */
export function bindGroup(
  gpu: GPUDevice,
  label: string,
  layout: Layout,
  bindings: readonly BufferRange[],
  uniforms: GPUBuffer,
  uniformBytes: number,
): GPUBindGroup {
  const entries = bindings.map(({ block, offset, bytes }, binding): GPUBindGroupEntry => {
    return { binding, resource: { buffer: block.buffer, offset, size: bytes } };
  });
  if (uniformBytes > 0) {
    entries.push({ binding: bindings.length, resource: { buffer: uniforms, size: uniformBytes } });
  }
  return gpu.createBindGroup({ label, layout: layout.group, entries });
}
