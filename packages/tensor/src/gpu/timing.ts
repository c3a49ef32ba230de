// How long work takes: by timestamp queries of the GPU's compute passes, or by the host's clock where there are none.
import type { PassTimer } from './commands.ts';
import type { Engine } from './engine.ts';
import type { Host } from './host.ts';

const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x4;
const MAP_READ = 0x1;
const COPY_DST = 0x8;
const MAX_PASSES = 2048; // a query set holds 4096

/** Time that some work took. */
export interface Timing {
  readonly ms: number;
  /** Whose clock: the GPU's; where it has none, the host's, which includes submit and wait. */
  readonly source: 'gpu' | 'host';
}

/** Runs `fn` and measures the work that it queues. @param sync waits for all queued work. */
export async function timed(
  { gpu, host, commands, faults }: Engine,
  sync: () => Promise<void>,
  fn: () => unknown,
): Promise<Timing> {
  await sync();
  if (!gpu.features.has('timestamp-query')) {
    const begin = performance.now();
    await fn();
    await sync();
    return { ms: performance.now() - begin, source: 'host' };
  }
  const watch = new Stopwatch(gpu);
  commands.timer = watch;
  try {
    await fn();
    commands.submit();
    return { ms: await faults.settle(watch.read(host)), source: 'gpu' };
  } finally {
    commands.timer = undefined;
    watch.destroy();
  }
}

/** Times the passes between its construction and `read`. */
export class Stopwatch implements PassTimer {
  readonly #gpu: GPUDevice;
  readonly #queries: GPUQuerySet;
  #passes = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#queries = gpu.createQuerySet({ label: 'passes', type: 'timestamp', count: 2 * MAX_PASSES });
  }

  next(): GPUComputePassTimestampWrites {
    if (this.#passes === MAX_PASSES) {
      throw new Error(`time: more than ${MAX_PASSES} submits: time less work, or raise maxDispatches`);
    }
    const begin = 2 * this.#passes++;
    return { querySet: this.#queries, beginningOfPassWriteIndex: begin, endOfPassWriteIndex: begin + 1 };
  }

  /** Sum of the passes' times in milliseconds. */
  async read(host: Host): Promise<number> {
    const count = 2 * this.#passes;
    if (count === 0) return 0;
    const size = count * 8;
    const gpu = this.#gpu;
    const resolved = gpu.createBuffer({ label: 'timestamps', size, usage: QUERY_RESOLVE | COPY_SRC });
    const mapped = gpu.createBuffer({ label: 'timestamps read', size, usage: MAP_READ | COPY_DST });
    const encoder = gpu.createCommandEncoder({ label: 'timestamps' });
    encoder.resolveQuerySet(this.#queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
    gpu.queue.submit([encoder.finish()]);
    await host.poll(() => mapped.mapAsync(1));
    const times = new BigUint64Array(mapped.getMappedRange());
    let total = 0n;
    for (let i = 0; i < count; i += 2) total += times[i + 1]! - times[i]!;
    for (const resource of [resolved, mapped, this.#queries]) resource.destroy();
    return Number(total) / 1e6;
  }

  /** Frees the queries where `read` is not reached. */
  destroy(): void {
    this.#queries.destroy();
  }
}
