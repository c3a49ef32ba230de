// The time of one kernel on buffers that are made for it. Their content does not matter, except for lengths of
// sequences, which are the largest possible.
import type { Kernel } from '@moviegen/kernels';
import type { BufferRange } from '../gpu/commands.ts';
import type { Engine } from '../gpu/engine.ts';
import { timed } from '../gpu/timing.ts';

/** A variant is run until its runs have taken so long, but always twice. */
const BUDGET_MS = 60;
const MOST_RUNS = 7;
/** A variant whose first run takes this many times as long as the best variant is not run again. */
const HOPELESS = 2;

/** Milliseconds of one run of a kernel, as {@link medianTime} finds it. @param sync waits for all queued work. */
export async function measureKernel(
  engine: Engine,
  sync: () => Promise<void>,
  kernel: Kernel,
  bytes: readonly number[],
  best: number,
): Promise<number> {
  const { pipelines, pool, commands } = engine;
  await pipelines.started(kernel).ready;
  const ranges: BufferRange[] = [];
  try {
    for (const [i, { name, dtype }] of kernel.bindings.entries()) {
      const size = Math.max(16, Math.ceil(bytes[i]! / 16) * 16);
      const range = { block: pool.acquire(size, name), offset: 0, bytes: size };
      ranges.push(range);
      fill(engine, range, dtype === 'u32');
    }
    const run = () => commands.dispatch(kernel, ranges);
    return await medianTime(async () => (await timed(engine, sync, run)).ms, best);
  } finally {
    for (const { block } of ranges) pool.release(block);
  }
}

/** The median of a few runs, after a first one that counts only where it is far behind `best`. */
export async function medianTime(once: () => Promise<number>, best: number): Promise<number> {
  const first = await once();
  if (first > HOPELESS * best) return first;
  const times = [await once(), await once()];
  while (times.length < MOST_RUNS && times.reduce((sum, ms) => sum + ms, 0) < BUDGET_MS)
    times.push(await once());
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

/** Lengths become the largest possible; all else becomes zeros, since infinities and subnormals take other times. */
function fill({ commands, gpu }: Engine, { block, offset, bytes }: BufferRange, lengths: boolean): void {
  if (lengths) {
    commands.beforeWrite(block);
    gpu.queue.writeBuffer(block.buffer, offset, new Uint8Array(bytes).fill(0xff));
  } else commands.clear(block, offset, bytes);
}
