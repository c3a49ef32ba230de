// The working parts of a device, put together: errors, pipelines, memory, commands, readback. device/dispatcher.ts uses
// them for kernels, device/memory.ts for the contents of tensors.

import { Commands, type SubmitBounds } from './commands.ts';
import { Faults } from './faults.ts';
import { browser, type Host } from './host.ts';
import type { DeviceOptions } from './options.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool } from './pool.ts';
import { Readback } from './readback.ts';
import type { RecordedSteps } from './recording.ts';
import { largestBuffer } from './storage.ts';

// Enough to hide the cost of a submit, but only two or three large dispatches: half a second on a GPU that reaches
// 1 TFLOP/s or 10 GB/s.
const DEFAULT_BOUNDS: SubmitBounds = { maxDispatches: 128, maxBytes: 2 ** 32, maxFlops: 5e11 };

/** The parts of a device. */
export interface Engine {
  readonly gpu: GPUDevice;
  /** The limits to keep, which may be lower than the device's own. */
  readonly limits: GPUSupportedLimits;
  readonly host: Host;
  readonly faults: Faults;
  readonly pipelines: Pipelines;
  readonly pool: BufferPool;
  readonly commands: Commands;
  readonly readback: Readback;
  /** The recording that is being made, if one is. */
  recording: RecordedSteps | undefined;
  /** Workgroups per dimension above which a dispatch is folded. */
  readonly maxWorkgroups: number;
}

/** Makes the parts. @param limits the limits to keep, which may be lower than the device's own. */
export function engineOf(gpu: GPUDevice, limits: GPUSupportedLimits, options: DeviceOptions): Engine {
  const { host = browser, memoryLimit = Number.POSITIVE_INFINITY } = options;
  const { maxWorkgroups = gpu.limits.maxComputeWorkgroupsPerDimension } = options;
  const faults = new Faults(gpu, host);
  const pipelines = new Pipelines(gpu, host, (check) => faults.watch(check));
  const pool: BufferPool = new BufferPool(
    gpu,
    largestBuffer(limits),
    memoryLimit,
    (block, label) => faults.watchMemory(block, label, () => `${pool.memory().used} bytes in use`),
    (block) => commands.beforeWrite(block),
  );
  const bounds = { ...DEFAULT_BOUNDS, ...options.submit };
  const commands = new Commands(gpu, pipelines, pool, bounds, maxWorkgroups);
  const readback = new Readback(gpu, host, commands, pool);
  return {
    gpu,
    limits,
    host,
    faults,
    pipelines,
    pool,
    commands,
    readback,
    recording: undefined,
    maxWorkgroups,
  };
}

/** Submits and waits for all queued work. @throws what went wrong on the device since the last wait. */
export async function waitFor({ faults, host, commands, gpu }: Engine): Promise<void> {
  faults.throwIfLost();
  commands.submit();
  await faults.settle(host.poll(() => gpu.queue.onSubmittedWorkDone()));
}
